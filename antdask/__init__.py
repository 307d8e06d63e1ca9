"""antdask keeps the data of the ANTARES neutrino telescope alive.

>>> import antdask
>>> antdask.__version__
'0.1.0'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from antdask.query.archive import open_archive

__version__ = "0.1.0"
__all__ = ["__version__", "open_archive"]


def __getattr__(name: str) -> Any:
    # Lazy, so that ``import antdask.errors`` on a worker or in a shell completion does not pull in the whole stack.
    if name == "open_archive":
        from antdask.query.archive import open_archive

        return open_archive
    raise AttributeError(f"module 'antdask' has no attribute '{name}'")
