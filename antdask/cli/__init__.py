"""The command line: one command per public verb, in the order of the work."""

from __future__ import annotations

from antdask.cli import campaigns, environment, reprocessing, simulation, upkeep
from antdask.cli.commands import main

__all__ = ["campaigns", "environment", "main", "reprocessing", "simulation", "upkeep"]

#: Commands in the order of the work; those of other rooms come behind.
ORDER = (
    *("inspect", "plan", "replan", "cluster", "convert", "submit", "work", "finalise", "status", "report", "quarantine"),
    *("verify", "info", "query", "headers", "reprocess", "lineage", "compact", "gc"),
)
main.commands = {name: main.commands[name] for name in (*ORDER, *(n for n in main.commands if n not in ORDER))}
