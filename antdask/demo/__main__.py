"""``python -m antdask.demo [FOLDER]``: the tour, into a folder (``demo`` if none is given)."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from antdask.demo.tour import run
from antdask.errors import AntdaskError

WIDTH = 116


def main(arguments: list[str]) -> int:
    """Run the tour; the exit code."""
    try:
        console = Console()
        # The table of what was archived needs this much; a narrower terminal wraps, which loses nothing.
        console.width = max(console.width, WIDTH)
        run(Path(arguments[0] if arguments else "demo"), console)
    except AntdaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
