# Every command of the project; each one sets up by itself whatever it needs.
#
# All that is installed stays in this folder: uv in .tools/ (unless it is on the PATH), packages in .venv/.

.DEFAULT_GOAL := help
.PHONY: help demo test soak check bench bench-read bench-convert bench-query bench-catalogue bench-campaign bench-slurm map clean

READY  := .venv/.ready
PYTHON := .venv/bin/python
BIN    := .venv/bin
# Two workers: the tests start clusters of their own, more would only crowd each other.
JOBS   ?= 2

help: ## show this list
	@echo "antdask: legacy files of the ANTARES neutrino telescope to a verified, queryable Zarr archive"
	@echo
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-19s %s\n", $$1, $$2}'

demo: $(READY) ## convert real files, verify every value, query and draw them (into ./demo, under 90 s)
	@$(PYTHON) -m antdask.demo demo

check: $(READY) ## style, types, import rules, rules of the house
	@echo "== ruff check";     $(BIN)/ruff check .
	@echo "== ruff format";    $(BIN)/ruff format --check .
	@echo "== mypy --strict";  $(PYTHON) -m mypy
	@echo "== import-linter";  $(BIN)/lint-imports
	@echo "== house tests";    $(PYTHON) -m pytest -q tests/house

test: check ## check, then all tests
	@echo "== tests"; $(PYTHON) -m pytest -q -n $(JOBS) --dist worksteal --durations 10

soak: $(READY) ## fifty kills of each kind, thousands of damaged files, and other long tests that no other command runs; prints their tables (two hours)
	@$(PYTHON) -m pytest -q -m soak --timeout 7200 --durations 0
	@$(PYTHON) -m tests.flow.soak_table
	@$(PYTHON) -m tests.contracts.fuzz_table

bench: $(READY) ## measure speed side by side with peers
	@$(PYTHON) -m tests.benchmarks

bench-query: $(READY) ## the same for queries: 2 million events beside DuckDB, zarr, tensorstore, uproot; first batch of 10^5 parts (8 GB in TMPDIR)
	@$(PYTHON) -m tests.benchmarks query first_batch

bench-catalogue: $(READY) ## opening and asking archives of 10^5 and 10^6 parts
	@$(PYTHON) -m tests.benchmarks.catalogue

# An hour: archives of 10^5 and 10^6 parts are made first, two million small files. CAMPAIGN_DRIVE=1000000 adds another for a million tasks of Dask.
bench-campaign: $(READY) ## the road end to end, status of a million parts, drivers with parts that are no work, planning, SLURM
	@$(PYTHON) -m tests.benchmarks conversion campaign planning campaign_slurm

bench-slurm: $(READY) ## only the drivers and the weak scaling on SLURM (5 minutes)
	@$(PYTHON) -m tests.benchmarks campaign_slurm

# Nine minutes on an idle machine; EVENTS=20000 makes it short.
bench-read: $(READY) ## reading beside decompression alone, ROOT's own loop and uproot
	@$(PYTHON) -m tests.benchmarks.read --events $(or $(EVENTS),200000)

bench-convert: $(READY) ## converting beside its unavoidable parts, a process pool and Parquet
	@$(PYTHON) -m tests.benchmarks.conversion

# A quarter of an hour and 20 GB in TMPDIR; ANTDASK_BENCH_DAYS=30 builds a month, another quarter of an hour.
bench-environment: $(READY) ## building rates, and asking fifteen years of them beside Zarr, NetCDF-4 and DuckDB
	@$(PYTHON) -m tests.benchmarks environment

bench-%: $(READY)
	@$(PYTHON) -m tests.benchmarks $*

map: $(READY) ## write the generated pages of docs/ anew
	@$(PYTHON) -m tests.house.map

clean: ## remove everything that was installed or made
	rm -rf .venv .tools .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist demo
	find antdask tests -name __pycache__ -type d -prune -exec rm -rf {} +

# pyproject.toml counts because entry points and package metadata are frozen at installation.
$(READY): requirements.txt pyproject.toml .python-version .ci/setup
	@.ci/setup
	@touch $@
