"""Compiled functions: by numba, and kept on disk for the next process where a folder for that can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called; it runs outside of the interpreter.

    Machine code is kept beside the module, else in the folder for caches of the user, or in the one that ``NUMBA_CACHE_DIR`` names. Where none of them can be
    written (an image that is only read, a job without a home), numba would refuse the function: each process compiles it anew then.

    Examples
    --------
    >>> compiled(lambda a, b: a + b)(1, 2)
    3
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)
