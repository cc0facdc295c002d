"""What a model can be asked to do: one file a task, with its head, its loss and its metrics."""
