"""What a decoder knows of what came before: cache, window, memory, context-aware features."""
