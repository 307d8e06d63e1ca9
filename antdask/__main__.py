"""``python -m antdask`` is the command ``antdask``."""

from __future__ import annotations

from antdask.cli import main

if __name__ == "__main__":
    main(prog_name="antdask")
