"""One vector of a row's modalities, any subset of them present: a strategy a file."""
