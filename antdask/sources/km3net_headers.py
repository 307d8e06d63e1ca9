"""Headers of KM3NeT events and slices: one block of bytes, or split into branches at any depth, into the same columns.

Each branch without children below the header is looked up by its name; its layout follows from the class hierarchy::

    JDAQEventHeader (3)                    JDAQTimesliceHeader, JDAQSummarysliceHeader (2)
    ├── JDAQHeader (2)                     └── JDAQHeader (2)
    │   └── JDAQChronometer (3)                └── JDAQChronometer (3)
    │       ├── detector_id, run, frame_index
    │       └── timeslice_start: JDAQUTCExtended (1): seconds, cycles of 16 ns
    ├── JDAQTriggerCounter (1): trigger_counter
    ├── JDAQTriggerMask (1): trigger_mask
    └── overlays

Class versions stand in parentheses; others are refused. `JDAQPreamble` (length, type) streams itself without a block, other than its streamer info says.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.errors import UnknownLayoutError
from antdask.sources.km3net_records import Layout, demand, fixed, layout, native
from antdask.sources.root import Tree
from antdask.sources.root_branch import Branch

_NAMESPACE = "KM3NETDAQ::"
PREAMBLE = "KM3NETDAQ::JDAQPreamble"
#: Bit 31 of the seconds is the status of the clock.
SECONDS = 0x7FFF_FFFF
_CYCLES_PER_SECOND = 62_500_000  # of 16 ns

_UTC = ((10, 1), ("seconds", ">u4"), ("cycles", ">u4"))
_CHRONOMETER = ((28, 3), ("detector_id", ">i4"), ("run", ">i4"), ("frame_index", ">i4"), *_UTC)
_HEADER = ((34, 2), *_CHRONOMETER)
_SLICE = layout((40, 2), *_HEADER)
_COUNTER = ((10, 1), ("trigger_counter", ">u8"))
_MASK = ((10, 1), ("trigger_mask", ">u8"))
_LENGTHS = (("length", ">i4"), ("type", ">i4"))

#: Layout of a branch without children, by its name without namespace.
LAYOUTS: dict[str, Layout] = {
    "JDAQEventHeader": layout((72, 3), *_HEADER, *_COUNTER, *_MASK, ("overlays", ">u4")),
    "JDAQTimesliceHeader": _SLICE,
    "JDAQSummarysliceHeader": _SLICE,
    "JDAQHeader": layout(*_HEADER),
    "JDAQChronometer": layout(*_CHRONOMETER),
    "JDAQTriggerCounter": layout(*_COUNTER),
    "JDAQTriggerMask": layout(*_MASK),
    "JDAQPreamble": layout(*_LENGTHS),
    "JDAQAbstractPreamble": layout((10, 1), *_LENGTHS),
    "timeslice_start": layout(*_UTC),
    "timeslice_start.UTC_seconds": layout(("seconds", ">u4")),
    "timeslice_start.UTC_16nanosecondcycles": layout(("cycles", ">u4")),
    "UTC_seconds": layout(("seconds", ">u4")),
    "UTC_16nanosecondcycles": layout(("cycles", ">u4")),
    **{name: layout((name, ">i4")) for name in ("detector_id", "run", "frame_index", "length", "type")},
    **{name: layout((name, ">u8")) for name in ("trigger_counter", "trigger_mask")},
    "overlays": layout(("overlays", ">u4")),
}
#: Memory management of ROOT, not data.
_IGNORED = ("TObject", "fUniqueID", "fBits")

_TIME = ("detector_id", "run", "frame_index", "seconds", "cycles")
SLICE_COLUMNS = (*_TIME, "length", "type")
EVENT_COLUMNS = (*SLICE_COLUMNS, "trigger_counter", "trigger_mask", "overlays")


@dataclasses.dataclass(frozen=True)
class Headers:
    """The header branches of one tree.

    Parameters
    ----------
    tree : Tree
    leaves : tuple of Branch
        Those that hold data.
    types : tuple of int
        Type codes that the preamble may hold.
    """

    tree: Tree
    leaves: tuple[Branch, ...]
    types: tuple[int, ...]

    @property
    def split(self) -> bool:
        """Whether the header itself is split into branches."""
        return len(self.leaves) > 2

    def read(self, start: int, stop: int, wanted: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
        """Columns of the entries ``start:stop`` in native byte order: those `wanted`, or all.

        ``seconds`` still carries the status of the clock in bit 31.

        Raises
        ------
        CorruptFileError
            With the entries whose header contradicts itself, or holds a number that no header can hold.
        """
        columns: dict[str, np.ndarray] = {}
        for leaf in self.leaves:
            record = _layout_of(leaf)
            if wanted is None or set(wanted) & set(record.names):
                records = fixed(leaf, start, stop, record)
                columns.update({name: native(records[name]) for name in record.names})
                self._check(leaf, start, columns)
        return columns

    def _check(self, leaf: Branch, start: int, columns: dict[str, np.ndarray]) -> None:
        for name in _layout_of(leaf).names:
            column = columns[name]
            if name in ("run", "frame_index"):
                demand(column >= 0, leaf, start, f"A {name} is negative", found=column, expected="0 or more")
            elif name == "cycles":
                demand(column < _CYCLES_PER_SECOND, leaf, start, "The cycles of 16 ns are more than a second", found=column, expected=f"below {_CYCLES_PER_SECOND}")  # fmt: skip
            elif name == "trigger_counter":
                demand(column < 2**63, leaf, start, "A trigger counter does not fit into 63 bits", found=column)
            elif name == "type":
                demand(
                    np.isin(column, self.types),
                    leaf,
                    start,
                    "The preamble is of another type of data",
                    found=column,
                    expected=f"one of {self.types}",
                )


def find_headers(tree: Tree, header: str, columns: tuple[str, ...], types: tuple[int, ...]) -> Headers:
    """The branches of preamble and header.

    Parameters
    ----------
    header : str
        Name of the header's branch, with namespace.
    columns : tuple of str
        What they must give.
    types : tuple of int
        Type codes that the preamble may hold.

    Raises
    ------
    UnknownLayoutError
        A branch is missing, or one is there that is not known.
    """
    below = [leaf for name in (PREAMBLE, header) for leaf in tree.branch(name).walk() if not leaf.children]
    leaves = tuple(leaf for leaf in below if leaf.name.removeprefix(_NAMESPACE) not in _IGNORED)
    given = [name for leaf in leaves for name in _layout_of(leaf).names]
    if sorted(given) != sorted(columns):
        raise UnknownLayoutError("The header has other members", where=tree.where, found=", ".join(given), expected=", ".join(columns))
    return Headers(tree, leaves, types)


def utc_ns(seconds: np.ndarray, cycles: np.ndarray) -> np.ndarray:
    """UTC as int64 ns since 1970 (POSIX), exact.

    Parameters
    ----------
    seconds, cycles : ndarray of uint32
        [s] with the clock status in bit 31, [16 ns].
    """
    return (seconds & np.uint32(SECONDS)).astype(np.int64) * 10**9 + cycles.astype(np.int64) * 16


def clock_status(seconds: np.ndarray) -> np.ndarray:
    """Bit 31 of the seconds as uint8."""
    return (seconds >> np.uint32(31)).astype(np.uint8)


def _layout_of(leaf: Branch) -> Layout:
    found = LAYOUTS.get(leaf.name.removeprefix(_NAMESPACE))
    if found is None:
        raise UnknownLayoutError(
            "The header has a branch that is not known", where=leaf.where, expected=f"one of {', '.join(LAYOUTS)}", found=leaf.name
        )
    return found
