"""Run the benchmarks by name: ``python -m tests.benchmarks [road …]``; all of them without a name."""

import importlib
import sys

NAMES = ("road", "simulating", "campaign_slurm", "environment")

# Benchmarks start processes, which look into this file too.
if __name__ == "__main__":
    for name in sys.argv[1:] or NAMES:
        importlib.import_module(f"tests.benchmarks.{name}").main()
