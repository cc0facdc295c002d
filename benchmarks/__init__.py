"""A script a claim: `python -m benchmarks.NAME` measures it and writes `benchmarks/results/NAME.json`."""
