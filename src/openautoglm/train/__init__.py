"""Training: data, batches, schedules, checkpoints, and the loop that joins them (`fit.py`)."""
