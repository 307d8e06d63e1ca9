"""From an archive to the four pictures: which data they need, and how these become dense arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from matplotlib.figure import Figure

from antdask.calibration.rates import rate_hz
from antdask.demo import figures
from antdask.model.tables import RATES
from antdask.model.time import KM3NET_FRAME_NS, format_utc

#: A run with 1,000 summary slices, and the ANTARES event with the most triggered hits.
RATE_RUN = ("km3net-29", 3246)
EVENT = (45978, 6, 60867)
#: Flags of a rate in the order in which they are shown: the first that is set decides.
SHOWN = (("fifo_almost_full", figures.FIFO), ("high_rate_veto", figures.VETO), ("no_rate", figures.NO_RATE))


def draw(archive: Any, folder: Path) -> Iterator[Path]:
    """Draw the four pictures as PNG into a folder; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (("rate-map", rates), ("hits-per-event", hits), ("event", event), ("charges", charges)):
        path = folder / f"{name}.png"
        picture(archive).savefig(path)
        yield path


def rates(archive: Any) -> Figure:
    """Rate map of a run."""
    detector, run = RATE_RUN
    slices = (
        archive.stream("rates")
        .select(detector=detector, run=run)
        .to_awkward(["utc_ns", "frames.dom_id", "frames.rate_code", "frames.flags"])
    )
    seconds, modules, rate, state = rate_grid(slices)
    start = format_utc(int(ak.min(slices.utc_ns)))
    words = f"{detector}, run {run}: {len(modules)} optical modules × 31 channels, {len(slices):,} summary slices of 100 ms, from {start}"
    return figures.rate_map(seconds, modules, rate, state, words)


def rate_grid(slices: ak.Array) -> tuple[np.ndarray, list[int], np.ndarray, np.ndarray]:
    """Ragged summary slices as a dense grid of all channels and frames.

    Parameters
    ----------
    slices : Awkward array of ``frame_index, frames.{dom_id, rate_code, flags}``

    Returns
    -------
    seconds : array of float64, shape (frame,) [s]
        Start of each frame after the first.
    modules : list of int
    rate : array of float64, shape (31 * module, frame) [Hz]
    state : array of uint8, same shape
        0 for a measurement, else a code of `figures.STATES`.
    """
    frame = ak.to_numpy(slices.frame_index).astype(np.int64)
    column = np.repeat(frame - frame.min(), ak.to_numpy(ak.num(slices.frames.dom_id)))
    modules, module = np.unique(ak.to_numpy(ak.flatten(slices.frames.dom_id)), return_inverse=True)
    n_frames = int(np.ptp(frame)) + 1
    rate = np.zeros((len(modules), 31, n_frames))
    state = np.full(rate.shape, figures.NO_DATA, np.uint8)
    rate[module, :, column] = rate_hz(ak.to_numpy(ak.flatten(slices.frames.rate_code)))
    state[module, :, column] = states(ak.to_numpy(ak.flatten(slices.frames.flags)))
    seconds = np.arange(n_frames) * (KM3NET_FRAME_NS / 1e9)
    return seconds, modules.tolist(), rate.reshape(-1, n_frames), state.reshape(-1, n_frames)


def states(flags: np.ndarray) -> np.ndarray:
    """Codes of `figures.STATES` from the archived flags; 0 where no flag is set."""
    masks = {name: mask for mask, name in RATES.table("frames").field("flags").flags}
    return np.select([(flags & masks[name]) != 0 for name, _ in SHOWN], [code for _, code in SHOWN], 0).astype(np.uint8)


def hits(archive: Any) -> Figure:
    """Hits per event of every detector."""
    frame = archive.stream("events").to_pandas(columns=["detector", "n_hits"])
    counts = {_label(str(name), rows.run.unique()): rows.n_hits.to_numpy() for name, rows in frame.groupby("detector")}
    return figures.hits_per_event(counts, "All archived events; snapshots of different detectors differ in size and length. Dashed: median")


def _label(detector: str, runs: np.ndarray) -> str:
    return f"{detector}, run {', '.join(str(r) for r in np.sort(runs))}"


def event(archive: Any) -> Figure:
    """One ANTARES event with its fit."""
    run, frame, counter = EVENT
    columns = ["line", "floor", "om", "time_ns", "charge_pe", "triggered"]
    whole = archive.stream("events").select(detector="antares", run=run)
    chosen = whole.select(key=EVENT).to_pandas("hits", columns=[f"hits.{name}" for name in columns])
    fit = archive.stream("reco").select(detector="antares", key=EVENT).to_pandas().iloc[0]
    data = {name: chosen[name].to_numpy() for name in columns}
    dead = set(range(1, figures.LINES + 1)) - set(whole.to_pandas("hits", columns=["hits.line"]).line.unique())
    words = (
        f"Run {run}, frame {frame}, trigger {counter}: {len(chosen)} hits, {int(data['triggered'].sum())} of them triggered. "
        f"AAFit: zenith {np.degrees(fit.zenith):.0f}°, azimuth {np.degrees(fit.azimuth):.0f}°, Λ = {fit.quality:.1f}. Time 0: first triggered hit".replace(
            "-", "−"
        )
    )
    return figures.event_display(data, dead, words)


def charges(archive: Any) -> Figure:
    """Charges of all hits of the ANTARES run."""
    pulses = archive.stream("events").select(detector="antares").to_pandas("hits", columns=["hits.charge_pe", "hits.triggered"])
    words = f"ANTARES run {EVENT[0]}: {len(pulses):,} calibrated pulses of {pulses[['frame_index', 'trigger_counter']].drop_duplicates().shape[0]} events"
    return figures.charges(pulses.charge_pe.to_numpy(), pulses.triggered.to_numpy() == 1, words)
