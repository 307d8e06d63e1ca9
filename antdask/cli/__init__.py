"""The command line: one command per public verb, in the order of the work."""

from __future__ import annotations

from antdask.cli import environment, simulation
from antdask.cli.commands import main

__all__ = ["environment", "main", "simulation"]
