"""What to simulate: how many runs and events, from which seed, in which layout and compression."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np

from antdask.errors import UnknownNameError, UsageError
from antdask.model.time import ANTARES_FRAME_NS
from antdask.simulate.root_blocks import Codec, codec

#: Written into every file, so that nobody takes it for data.
NOTICE = "SIMULATED by antdask. Not data of the ANTARES detector, and not the layout of its files, which is not public."

LAYOUTS = ("leaf", "packed")

#: Runs start this far apart, whatever is simulated of them: 65,000 run numbers in the 15 years of ANTARES [ns].
RUN_SPACING_NS = 7200 * 10**9
#: A run number and its start [ns since 1970]: 2007-01-29, when ANTARES had taken its first 25,416 runs.
REFERENCE_RUN, REFERENCE_NS = 25_416, 1_170_028_800 * 10**9
#: Runs end here, in the year 2229: times are int64 ns, which end in 2262.
LAST_RUN = 1_000_000

#: The first frame of a run that is recorded, as in run 45978 (km3net-testdata); that frame 0 starts with the run is an assumption.
FIRST_FRAME = 2
TICK_NS = 25
FRAME_TICKS = ANTARES_FRAME_NS // TICK_NS


@dataclasses.dataclass(frozen=True, slots=True)
class SimulationSpec:
    """A simulation; the same specification always gives the same bytes.

    Parameters
    ----------
    runs, first_run : int
        Consecutive run numbers; one raw file each. What a run holds depends on its number and `seed` only, not on how many are made.
    events : int
        Events per run.
    seed : int
    event_rate_hz : float
        Events per second, minimum bias included [Hz].
    timeslices : int
        Frames per run of which all hits are kept: some 25 MB each.
    rates, mc, dst, slow_control : bool
        Whether the counts of every frame, the particles behind the events, a DST per run, and a table of sensor readings per run are made too.
    layout : str
        ``leaf`` (a column per quantity) or ``packed`` (records of 6 bytes).
    codec, level : str, int
        ``zlib``, ``lzma``, ``lz4``, ``zstd`` or ``none``; level as ROOT counts it, 1 to 9.
    basket_bytes : int
        Buffer size of each branch [byte].
    dead_lines : tuple of int
        Lines without data.
    spring : bool
        Whether dense water comes by from March to June, with currents and blooms of bioluminescence (see `water`); run 43,428 starts on 10 March 2011.

    Raises
    ------
    UsageError
        A number out of range, or an unknown layout or codec.
    """

    runs: int = 1
    first_run: int = 45_001
    events: int = 1000
    seed: int = 1
    event_rate_hz: float = 50.0
    timeslices: int = 0
    rates: bool = True
    mc: bool = True
    dst: bool = True
    slow_control: bool = True
    layout: str = "leaf"
    codec: str = "zlib"
    level: int | None = None
    basket_bytes: int = 32_000
    dead_lines: tuple[int, ...] = (6, 9)
    spring: bool = False

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise UnknownNameError.of("layout", self.layout, LAYOUTS)
        for name, low, high in (
            ("runs", 1, 100_000),
            ("first_run", REFERENCE_RUN, LAST_RUN - self.runs),
            ("events", 0, int(RUN_SPACING_NS * 1e-9 * self.event_rate_hz * 0.9)),
            ("seed", 0, 2**63),
            ("event_rate_hz", 0.1, 10_000),
            ("timeslices", 0, 1000),
            ("basket_bytes", 512, 2**28),
        ):
            if not low <= getattr(self, name) <= high:
                hint = "Ask for more runs instead." if name == "events" else None
                raise UsageError(
                    f"'{name}' of the simulation is out of range", found=getattr(self, name), expected=f"{low} to {high}", hint=hint
                )
        if not set(self.dead_lines) <= set(range(1, 13)):
            raise UsageError("Lines are numbered from 1 to 12", found=self.dead_lines)
        _ = self.how

    @property
    def how(self) -> Codec:
        """Codec and level."""
        return codec(self.codec, self.level)

    @property
    def run_numbers(self) -> range:
        """The runs."""
        return range(self.first_run, self.first_run + self.runs)

    @property
    def events_per_frame(self) -> float:
        """Mean number of events in a frame."""
        return self.event_rate_hz * ANTARES_FRAME_NS * 1e-9

    @property
    def payload_bytes(self) -> int:
        """Estimate of the uncompressed bytes of all raw files, for a look before they are written [byte]."""
        per_hit = 10 if self.layout == "leaf" else 9
        frames = self.events / self.events_per_frame if self.rates else 0
        return round(self.runs * (self.events * (20 + 168 * per_hit) + frames * 2708 + self.timeslices * 24_000_000))

    def random(self, run: int, *what: int) -> np.random.Generator:
        """The random numbers of one purpose of one run; independent of all others."""
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(self.seed, spawn_key=(run, *what))))

    def describe(self, run: int) -> str:
        """What stands in the file of a run: the notice and the specification, as JSON."""
        document: dict[str, Any] = {"notice": NOTICE, "run": run, "specification": dataclasses.asdict(self)}
        for name in ("runs", "first_run"):
            del document["specification"][name]
        if not self.spring:
            # What is not asked for is not said, so that files of older specifications stay what they were.
            del document["specification"]["spring"]
        return json.dumps(document, sort_keys=True)


def run_start_ns(run: int) -> int:
    """Start of a simulated run, UTC ns since 1970."""
    return REFERENCE_NS + (run - REFERENCE_RUN) * RUN_SPACING_NS
