"""Bars in notebooks: an element of the page that is replaced while something goes on."""

from __future__ import annotations

import html
import sys
from typing import Any


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook, which shows HTML."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


class Drawing:
    """A bar with words behind it, as HTML where that is shown, else as text.

    Parameters
    ----------
    done, total : int
        A total of 0 is not known yet.
    words : str

    Examples
    --------
    >>> Drawing(2, 8, "parts 2/8")
    [#####---------------] parts 2/8
    """

    def __init__(self, done: int, total: int, words: str) -> None:
        self._filled = round(20 * min(1.0, done / total)) if total else 0
        self._words = words
        how = f"value='{done}' max='{total}'" if total else ""
        self.data = f"<div><progress {how} style='width: 20em; vertical-align: middle'></progress> <span>{html.escape(words)}</span></div>"

    def _repr_html_(self) -> str:
        return self.data

    def __repr__(self) -> str:
        return f"[{'#' * self._filled}{'-' * (20 - self._filled)}] {self._words}"


class Place:
    """Where a bar stands: made with the first drawing, renewed with each that follows."""

    _handle: Any = None

    @property
    def used(self) -> bool:
        """Whether anything was drawn."""
        return self._handle is not None

    def show(self, drawing: Drawing) -> None:
        """Draw, or draw anew."""
        from IPython import display as front

        if self._handle is None:
            self._handle = front.display(drawing, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(drawing)
