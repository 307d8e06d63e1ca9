"""What the rates of an origin are, which channels they have, and how rows of a part become dense frames.

ANTARES gives counts: hits of an optical module in a frame. KM3NeT gives one byte per channel that stands for a rate (see `calibration.rates`); it is decoded and
rounded to whole Hz, so that sums stay exact, and has the resolution of the byte, 2.75 %.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np

from antdask.archive.series import SeriesReader
from antdask.calibration.rates import rate_hz
from antdask.environment.accumulate import Measure
from antdask.environment.histogram import Scale
from antdask.model.time import ANTARES_FRAME_NS, KM3NET_FRAME_NS

#: Slots of the channel axis: 12 lines of 25 storeys of 3 modules; line 12 has no modules on its upper five storeys.
SLOTS, LINE_SLOTS, FLOOR_SLOTS = 900, 75, 3

COUNTS = Measure(
    "count", "1", "hits of the optical module in a frame of 104.8576 ms", 1e9 / ANTARES_FRAME_NS, ANTARES_FRAME_NS, 1 | 2, 4,
    Scale(3146, 13_631, 65_536), 1.0, 4,
)  # fmt: skip
#: A frame of KM3NeT counts for 100 ms, so the variance of a rate is 10 Hz times the rate.
RATES = Measure(
    "rate", "s-1", "rate of the channel in a frame of 100 ms, decoded from the byte of the DAQ", 1.0, KM3NET_FRAME_NS, 1 | 2, 4,
    Scale(3000, 16_000, 2_000_000), 10.0, 5,
)  # fmt: skip
_RATE_OF_CODE = np.rint(rate_hz(np.arange(256, dtype=np.uint8))).astype(np.uint32)
_NO_RATE = 4


class Quantity(Protocol):
    """Dense frames of an origin."""

    @property
    def measure(self) -> Measure:
        """What a value is."""
        ...

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """Coordinates of the channel axis, by name."""
        ...

    def read(self, part: SeriesReader, start: int, stop: int, values: np.ndarray, flags: np.ndarray) -> None:
        """Values (uint32) and flags (uint8) of rows ``start:stop`` of a part, into arrays of shape (channels, frames)."""
        ...


@dataclasses.dataclass(frozen=True)
class ModuleCounts:
    """Counts of the 900 slots of ANTARES."""

    @property
    def measure(self) -> Measure:
        """Hits in a frame."""
        return COUNTS

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """Line 1 to 12, floor 1 to 25 from below, module 0 to 2 of each slot.

        Examples
        --------
        >>> {name: int(values[75 * 2 + 3 * 4 + 1]) for name, values in ModuleCounts().labels.items()}
        {'line': 3, 'floor': 5, 'om': 1}
        """
        slot = np.arange(SLOTS)
        return {
            "line": (slot // LINE_SLOTS + 1).astype(np.uint8),
            "floor": (slot % LINE_SLOTS // FLOOR_SLOTS + 1).astype(np.uint8),
            "om": (slot % FLOOR_SLOTS).astype(np.uint8),
        }

    def read(self, part: SeriesReader, start: int, stop: int, values: np.ndarray, flags: np.ndarray) -> None:
        """Counts and their flags, as archived."""
        part.read("slices/count", start, stop, values)
        part.read("slices/count_flags", start, stop, flags)


@dataclasses.dataclass(frozen=True)
class ChannelRates:
    """Rates of the channels of KM3NeT modules.

    Parameters
    ----------
    dom_ids : tuple of int
        Modules in ascending order; 31 channels each.
    """

    dom_ids: tuple[int, ...]

    @property
    def measure(self) -> Measure:
        """Whole Hz."""
        return RATES

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """Module and channel."""
        return {
            "dom_id": np.repeat(np.array(self.dom_ids, np.int32), 31),
            "channel_id": np.tile(np.arange(31, dtype=np.uint8), len(self.dom_ids)),
        }

    def read(self, part: SeriesReader, start: int, stop: int, values: np.ndarray, flags: np.ndarray) -> None:
        """Decoded rates; a channel without a frame has flag 4, as one of which the DAQ says that it measured no rate."""
        reader = part.part
        offsets = reader.offsets("frames", start, stop)
        first, last = int(offsets[0]), int(offsets[-1])
        codes = reader.column("frames", "rate_code", first, last)
        old = "frames/flags" not in reader.names
        said = np.zeros_like(codes) if old else reader.column("frames", "flags", first, last)
        module = np.searchsorted(self.dom_ids, reader.column("frames", "dom_id", first, last))
        frame = np.repeat(np.arange(stop - start), np.diff(offsets))
        shape = (stop - start, len(self.dom_ids), 31)
        dense, silent = np.zeros(shape, np.uint32), np.full(shape, _NO_RATE, np.uint8)
        dense[frame, module], silent[frame, module] = _RATE_OF_CODE[codes], said | np.where(codes == 0, _NO_RATE, 0).astype(np.uint8)
        values[...], flags[...] = dense.reshape(stop - start, -1).T, silent.reshape(stop - start, -1).T


def quantity_of(document: dict[str, Any]) -> Quantity:
    """The quantity that `describe` put into words."""
    return ChannelRates(tuple(document["dom_ids"])) if document["kind"] == "rate" else ModuleCounts()


def describe(quantity: Quantity) -> dict[str, Any]:
    """A quantity as plain data."""
    found: dict[str, Any] = {"kind": quantity.measure.kind}
    if isinstance(quantity, ChannelRates):
        found["dom_ids"] = list(quantity.dom_ids)
    return found
