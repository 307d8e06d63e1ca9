"""Compiled functions work where nothing may be written, and are kept where something may."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import caching

from antdask.compiled import compiled


def double(x: int) -> int:
    return 2 * x


def test_what_is_compiled_is_kept(tmp_path: Path) -> None:
    program = "from antdask.archive import shards, decoder; import numpy as np; decoder._number(np.zeros(4, np.uint8), 0)"
    subprocess.run([sys.executable, "-c", program], check=True, env={"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)})
    assert list(tmp_path.rglob("*.nbc"))


def test_where_nothing_may_be_written_each_process_compiles_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    # Numba asks these one after the other for a folder.
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    made = compiled(double)
    assert made(21) == 42 and made.nopython_signatures
