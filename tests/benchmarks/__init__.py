"""Side-by-side measurements against peers; numbers go to docs/reference/benchmarks.md."""
