"""Immutable addresses: of a run, and of a part of an archive."""

from __future__ import annotations

import dataclasses
import re

from antdask.errors import UsageError

_SAFE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PATH = re.compile(
    r"(?P<detector>[a-z0-9_-]+)/(?P<stream>\w+)/(?P<lineage>\w+)/(?P<run>\d{8,10})/(?P<index>\d{4,})-(?P<content>[0-9a-z]+)(?:\.r(?P<generation>\d+))?"
)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class RunKey:
    """A run of one detector.

    Run numbers of different detectors coincide; the detector label keeps them apart.

    Parameters
    ----------
    detector : str
        ``"km3net-44"`` (the number is the KM3NeT detector id) or ``"antares"``.
    run : int

    Examples
    --------
    >>> RunKey("km3net-44", 6885).path
    'km3net-44/00006885'
    """

    detector: str
    run: int

    def __post_init__(self) -> None:
        # Labels become path segments: nothing from an input file may leave the archive's root.
        if not _SAFE.fullmatch(self.detector):
            raise UsageError("A detector label holds lower-case letters, digits, '-' and '_'", found=repr(self.detector))
        if not 0 <= self.run < 2**32:
            raise UsageError("A run number is a 32-bit unsigned integer", found=self.run)

    @property
    def path(self) -> str:
        """Relative path of the run."""
        return f"{self.detector}/{self.run:08d}"


def km3net_label(detector: int, simulated: bool) -> str:
    """Label of a KM3NeT detector; negative numbers are those of simulations.

    Examples
    --------
    >>> km3net_label(44, False), km3net_label(44, True), km3net_label(-1, False)
    ('km3net-44', 'km3net-44-simulated', 'km3net--1-simulated')
    """
    return f"km3net-{detector}{'-simulated' if simulated or detector < 0 else ''}"


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class PartKey:
    """Address of a part: where it is, and by its last word what is in it.

    Parameters
    ----------
    stream : str
    lineage : str
        8 hexadecimal digits: hash of all that determines the bytes besides the input.
    run : RunKey
    index : int
        Number of the part in the run, in the plan that made it.
    content : str
        8 hexadecimal digits: hash of input identities and entry ranges. Two plans that cut a run in two ways can thus never write one path.
    generation : int
        Times that this content was read anew, after a repair: a path never changes its bytes under a reader.

    Examples
    --------
    >>> PartKey("events", "0a1b2c3d", RunKey("antares", 45978), 0, "deadbeef").path
    'antares/events/0a1b2c3d/00045978/0000-deadbeef'
    >>> PartKey("events", "0a1b2c3d", RunKey("antares", 45978), 0, "deadbeef", 1).path
    'antares/events/0a1b2c3d/00045978/0000-deadbeef.r1'
    """

    stream: str
    lineage: str
    run: RunKey
    index: int
    content: str
    generation: int = 0

    @property
    def path(self) -> str:
        """Relative path without suffix; part and receipt share it."""
        again = f".r{self.generation}" if self.generation else ""
        return f"{self.run.detector}/{self.stream}/{self.lineage}/{self.run.run:08d}/{self.index:04d}-{self.content}{again}"

    def __str__(self) -> str:
        return self.path


def parse_part(path: str) -> PartKey:
    """The key behind the path of a part.

    Raises
    ------
    UsageError
        Not the path of a part.

    Examples
    --------
    >>> key = parse_part("antares/events/0a1b2c3d/00045978/0000-deadbeef.r1")
    >>> key.run, key.index, key.content, key.generation
    (RunKey(detector='antares', run=45978), 0, 'deadbeef', 1)
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise UsageError("Not the path of a part", found=repr(path), expected="detector/stream/lineage/run/number-content")
    run = RunKey(found["detector"], int(found["run"]))
    return PartKey(found["stream"], found["lineage"], run, int(found["index"]), found["content"], int(found["generation"] or 0))
