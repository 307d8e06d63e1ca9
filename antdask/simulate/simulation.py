"""The verb: write the files of simulated runs.

::

    directory/
      antares_sim_045001_raw.root     run header, events, counts of the frames, all-hit frames, muons behind the events
      antares_sim_045001_dst.root     the flat tree of reconstructed events
      antares_sim_045001_slow.csv     readings of sensors
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from antdask.errors import DestinationError
from antdask.simulate import layouts
from antdask.simulate.detector import Detector, make_detector
from antdask.simulate.dst import BRANCHES, TREE, Origin, dst_columns
from antdask.simulate.events import Events, make_events
from antdask.simulate.root_file import RootFile, stamp_of
from antdask.simulate.root_tree import Tree
from antdask.simulate.sea import Counts, Sea
from antdask.simulate.slow_control import slow_control_table
from antdask.simulate.spec import SimulationSpec, run_start_ns
from antdask.simulate.timeline import Frames, timeline
from antdask.simulate.timeslices import make_timeslice

NOTICE_NAME = "SIMULATED"


def simulate(spec: SimulationSpec, directory: str | os.PathLike[str], progress: Callable[[list[Path]], None] | None = None) -> list[Path]:
    """Write the files of all runs of a specification.

    Memory is that of some hundred frames, whatever the size of a run. The same specification gives the same bytes.

    Parameters
    ----------
    spec : SimulationSpec
    directory : path
        Made if it is not there; no file in it is replaced.
    progress : callable, optional
        Called with the files of each run when they are there.

    Returns
    -------
    list of Path
        In the order of the runs: raw file, then DST and table of readings if asked for.

    Raises
    ------
    DestinationError
        A file exists, or cannot be written.
    """
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DestinationError(f"The directory cannot be made: {error.strerror}", where=str(folder)) from error
    detector = make_detector(spec)
    made: list[Path] = []
    for run in spec.run_numbers:
        files = _simulate_run(spec, run, detector, folder)
        made += files
        if progress is not None:
            progress(files)
    return made


def _simulate_run(spec: SimulationSpec, run: int, detector: Detector, folder: Path) -> list[Path]:
    raw = _path(folder, run, "raw.root")
    kept, frames = _write_raw(spec, run, detector, raw)
    paths = [raw]
    if spec.dst:
        paths.append(_path(folder, run, "dst.root"))
        with _root_file(spec, run, paths[-1]) as file:
            tree = Tree(file, TREE, BRANCHES, spec.basket_bytes)
            tree.extend(dst_columns(spec.random(run, 7), spec, run, kept, frames))
            tree.close()
    if spec.slow_control:
        paths.append(_path(folder, run, "slow.csv"))
        _write_text(paths[-1], slow_control_table(spec, run))
    return paths


def _write_raw(spec: SimulationSpec, run: int, detector: Detector, path: Path) -> tuple[list[Origin], int]:
    """Write the raw file; gives what the DST takes over, and the number of recorded frames."""
    kept: list[Origin] = []
    n_frames = n_slices = 0
    with _root_file(spec, run, path) as file:
        _write_header(file, spec, run)
        events = Tree(file, layouts.EVENTS, layouts.EVENT_BRANCHES[spec.layout], spec.basket_bytes)
        slices = Tree(file, layouts.TIMESLICES, layouts.TIMESLICE_BRANCHES[spec.layout], spec.basket_bytes)
        counts = Tree(file, layouts.COUNTS, layouts.COUNT_BRANCHES, spec.basket_bytes)
        truth = Tree(file, layouts.TRUTH, layouts.TRUTH_BRANCHES, spec.basket_bytes)
        hits = spec.random(run, 8)
        for frames, light, made in run_content(spec, run, detector):
            events.extend(layouts.event_columns(spec.layout, run, made))
            if spec.rates:
                counts.extend(layouts.count_columns(run, frames.index, light))
            if spec.mc:
                truth.extend(layouts.truth_columns(run, made))
            for row in range(min(len(frames.index), spec.timeslices - n_slices)):
                piece = make_timeslice(hits, int(frames.index[row]), light.count[row], detector)
                slices.extend(layouts.timeslice_columns(spec.layout, run, piece))
                n_slices += 1
            n_frames += len(frames.index)
            if spec.dst:
                kept.append(Origin.of(made))
        for tree in (events, slices, counts, truth):
            tree.close()
    return kept, n_frames


def run_content(spec: SimulationSpec, run: int, detector: Detector) -> Iterator[tuple[Frames, Counts, Events]]:
    """What a run holds, some hundred frames at a time: the frames, the light in them, the events."""
    sea, rng = Sea(spec, run, detector), spec.random(run, 5)
    for frames in timeline(spec, run):
        light = sea.counts(frames.index)
        yield frames, light, make_events(rng, frames, light.expected, detector)


def _write_header(file: RootFile, spec: SimulationSpec, run: int) -> None:
    header = Tree(file, layouts.RUN_HEADER, layouts.RUN_HEADER_BRANCHES, spec.basket_bytes)
    header.extend(
        {
            "RunNumber": np.array([run], np.uint32),
            "StartUtcNs": np.array([run_start_ns(run)], np.int64),
            "NEvents": np.array([spec.events], np.uint32),
        }
    )
    header.close()


def _root_file(spec: SimulationSpec, run: int, path: Path) -> RootFile:
    file = RootFile(path, spec.how, stamp=stamp_of(run_start_ns(run)), identity=f"{path.name} {spec.describe(run)}")
    file.text(NOTICE_NAME, spec.describe(run))
    return file


def _path(folder: Path, run: int, end: str) -> Path:
    return folder / f"antares_sim_{run:06d}_{end}"


def _write_text(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise DestinationError("The file exists", where=str(path), hint="Choose another directory, or remove it.") from error
    except OSError as error:
        raise DestinationError(f"The file cannot be written: {error.strerror}", where=str(path)) from error
