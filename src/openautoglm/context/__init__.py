"""What a text being written carries along: keys and values of its past, a window over them, what it looks at."""
