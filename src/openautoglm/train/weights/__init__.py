"""How much each loss counts, step by step: one method a file, chosen by name in `registry.py`."""
