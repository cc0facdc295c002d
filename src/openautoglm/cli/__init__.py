"""The command line: a file a verb, each a thin call of the `Workspace` method of that name."""
