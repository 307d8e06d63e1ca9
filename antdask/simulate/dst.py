"""A simulated DST: the flat tree ``sel`` of reconstructed events, with the traps that the program behind the real one has.

The columns are those of `antdask.model.antdst_fields`. A fit is the true muon, smeared; it is not a reconstruction of the hits. As in the real tree, a fit that an
event does not have keeps the values of the event before, and only its flag says so; ``bbfit_shower_*`` angles repeat BBFit; some columns are never filled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from antdask.model.antdst_fields import SEL_FIELDS
from antdask.model.time import ANTARES_FRAME_NS, format_utc
from antdask.simulate.events import Events
from antdask.simulate.root_tree import Branch
from antdask.simulate.spec import SimulationSpec, run_start_ns

TREE = "sel"
_NS_PER_DAY = 86_400 * 10**9
_MJD_1970 = 40_587
_PREFIXES = ("aafit", "bbfit", "gridfit", "bbfit_shower", "showerdusj", "showertantra")


def _branches() -> tuple[Branch, ...]:
    own = {"run_of_file": "run"}
    fields = [(own.get(f.name, f.name), "b1" if f.dtype == "u1" else f.dtype) for f in SEL_FIELDS]
    return (Branch("run_id", "i4"), Branch("event_counter_trigger", "u8"), Branch("frame_index", "f8"), *(Branch(*f) for f in fields))


BRANCHES = _branches()


class Origin(NamedTuple):
    """What a DST takes over from the events that have a muon.

    Parameters
    ----------
    frame_index, trigger_counter, mask, triggered : ndarray of int64, shape (events,)
        ``triggered`` is the number of triggered hits.
    position, direction : ndarray of float64, shape (events, 3)
        Of the muon: a point [m], a unit vector.
    energy : ndarray of float64, shape (events,)
        [GeV]
    """

    frame_index: np.ndarray
    trigger_counter: np.ndarray
    mask: np.ndarray
    triggered: np.ndarray
    position: np.ndarray
    direction: np.ndarray
    energy: np.ndarray

    @classmethod
    def of(cls, events: Events) -> Origin:
        """Of some events; holds none of their hits."""
        which, muons = events.muon, events.muons
        total = np.concatenate([[0], np.cumsum(events.hits.triggered, dtype=np.int64)])[events.offsets]
        mask, triggered = events.trigger_mask[which].astype(np.int64), np.diff(total)[which]
        return cls(events.frame_index[which], events.trigger_counter[which], mask, triggered, muons.position, muons.direction, muons.energy)

    @property
    def zenith(self) -> np.ndarray:
        """Zenith angle of the origin of the muon [rad]."""
        zenith: np.ndarray = np.arccos(np.clip(-self.direction[:, 2], -1, 1))
        return zenith

    @property
    def azimuth(self) -> np.ndarray:
        """Azimuth of the origin of the muon [rad]."""
        azimuth: np.ndarray = np.arctan2(-self.direction[:, 1], -self.direction[:, 0]) % (2 * np.pi)
        return azimuth


def dst_columns(rng: np.random.Generator, spec: SimulationSpec, run: int, pieces: Sequence[Origin], frames: int) -> dict[str, np.ndarray]:
    """The branches of ``sel``: the events of a run that have a muon.

    Parameters
    ----------
    pieces : sequence of Origin
        Of all events of the run.
    frames : int
        Number of recorded frames.
    """
    n = sum(len(piece.energy) for piece in pieces)
    columns = {b.name: np.zeros(n, b.dtype) for b in BRANCHES}
    if not n:
        return columns
    origin = Origin(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))
    columns["run_id"][:] = columns["run"][:] = run
    columns["frame_index"][:], columns["event_counter_trigger"][:] = origin.frame_index, origin.trigger_counter
    columns["event_id"][:] = np.arange(n)
    _time_and_quality(columns, run, frames)
    if spec.mc:
        _truth(columns, origin)
    columns["is_neutrino"][:], columns["is_cc"][:] = not spec.mc, spec.mc
    for name, number in (("t3N", 6), ("tT2", 15), ("tT3", 14), ("tTQ", 16)):
        columns[f"{name}_active"][:] = (origin.mask >> (number - 1)) & 1
    for prefix in _PREFIXES:
        _fit(rng, columns, prefix, origin)
    for name in ("angerr_deg", "zenith_deg", "cos_zenith", "azimuth_deg", "nusedlines", "nusedhits"):
        columns[f"bbfit_shower_{name}"] = columns[f"bbfit_{name}"].copy()
    return columns


def _time_and_quality(columns: dict[str, np.ndarray], run: int, frames: int) -> None:
    utc_ns = run_start_ns(run) + columns["frame_index"].astype(np.int64) * ANTARES_FRAME_NS
    columns["MJD"][:] = _MJD_1970 + utc_ns / _NS_PER_DAY
    days = {int(d): int(format_utc(int(d) * _NS_PER_DAY)[2:10].replace("-", "")) for d in np.unique(utc_ns // _NS_PER_DAY)}
    columns["Date"][:] = [days[int(d)] for d in utc_ns // _NS_PER_DAY]
    duration = frames * ANTARES_FRAME_NS * 1e-9
    values = {
        "BaselineRate": 52.0, "RatioActive": 0.71, "BurstFraction": 0.12, "run_duration": duration, "run_duration_dq": duration,
        "RunDurationYear": duration / (365.25 * 86_400), "RunQuality": 3, "Scan": 0, "E_min_gen": 4.0, "E_max_gen": 1e6,
    }  # fmt: skip
    for name, value in values.items():
        columns[name][:] = value


def _truth(columns: dict[str, np.ndarray], muons: Origin) -> None:
    columns["type"][:], columns["interaction_type"][:] = -13, -1
    columns["w_muon"][:], columns["DataMCRatio"][:], columns["ngen"][:] = 3.0, 1.0, len(muons.energy)
    columns["energy_true"][:], columns["bjorken_y_true"][:] = muons.energy, 0.5
    columns["cos_zenith_true"][:], columns["azimuthdeg_true"][:] = np.cos(muons.zenith), muons.azimuth
    for name, values in zip("xyz", muons.position.T, strict=True):
        columns[f"pos_{name}_true"][:] = values


def _fit(rng: np.random.Generator, columns: dict[str, np.ndarray], prefix: str, muons: Origin) -> None:
    n = len(muons.energy)
    error = rng.gamma(2.0, 0.5, n) if prefix == "aafit" else rng.gamma(2.0, 2.0, n)
    zenith = np.clip(muons.zenith + np.radians(rng.normal(0, 1, n) * error), 0, np.pi)
    azimuth = (muons.azimuth + np.radians(rng.normal(0, 1, n) * error)) % (2 * np.pi)
    position = muons.position + rng.normal(0, 3, (n, 3))
    used = rng.integers(6, 40, n)
    values = {
        "lambda": -5.0 - rng.gamma(2.0, 0.5, n), "quality": rng.gamma(3.0, 0.5, n), "pos_x": position[:, 0], "pos_y": position[:, 1], "pos_z": position[:, 2],
        "angerr_deg": error, "zenith_deg": np.degrees(zenith), "cos_zenith": np.cos(zenith), "azimuth_deg": np.degrees(azimuth),
        "nusedlines": rng.integers(1, 11, n), "nusedhits": used, "totalamp": used * rng.gamma(3.0, 0.7, n),
        "zmin": position[:, 2] - rng.gamma(2.0, 40, n), "zmax": position[:, 2] + rng.gamma(2.0, 40, n), "nhits": muons.triggered,
        "energy": muons.energy * rng.lognormal(0, 0.4, n), "radius": np.hypot(position[:, 0], position[:, 1]), "height": position[:, 2],
        "tracklength": rng.gamma(3.0, 80, n), "flag": rng.random(n) < (0.9 if prefix == "aafit" else 0.6),
    }  # fmt: skip
    if prefix in {"gridfit", "showerdusj", "showertantra"}:
        del values["totalamp"]
    # The row whose values a row shows: its own, or the last one with the fit; before the first there is nothing but zeros.
    shown = np.maximum.accumulate(np.where(values["flag"], np.arange(n), -1))
    names = {name: f"{prefix}_{name}" for name in values}
    if prefix == "aafit":
        values["ANN"] = muons.energy * rng.lognormal(0, 0.5, n)
        names |= {"energy": "energy_aafit_dEdX_CEA", "ANN": "energy_aafit_ANN_ECAP"}
    for name, column in names.items():
        if column in columns:
            columns[column][:] = values[name] if name == "flag" else np.where(shown >= 0, values[name][shown], 0)
