"""Warnings that point at the line of whoever asked, however deep in here they arise."""

from __future__ import annotations

import warnings
from pathlib import Path

_PACKAGE = str(Path(__file__).parents[1])


def warn(warning: Warning) -> None:
    """Warn at the first line outside of antdask."""
    warnings.warn(warning, skip_file_prefixes=(_PACKAGE,))
