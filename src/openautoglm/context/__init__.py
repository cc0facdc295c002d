"""What a text being written carries along: keys and values of its past, a window, what it looks at."""
