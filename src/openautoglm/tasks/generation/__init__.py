"""Writing text: the best, one drawn by chance, or one of a given set."""
