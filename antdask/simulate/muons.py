"""Muons through the detector and the hits of their Cherenkov light.

Times are those of light under the Cherenkov angle (n = 1.35): a module at the distance d from the track, l metres along it, is reached at
``(l + d tan(theta)) / c`` after the muon passes the foot of the centre. Which modules are hit falls off with the distance; nothing more is claimed.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.simulate.detector import MODULES, Detector

_C = 0.299792458  # m per ns
_TAN_CHERENKOV = np.sqrt(1.35**2 - 1)
_REACH_M = 18.0
#: Storeys that a muon can hit; each may give two hits on different modules (a local coincidence).
_STOREYS = 16
#: Hits are spread over at most this much, so that an event fits its window [ns].
LONGEST_NS = 1750.0


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Muons:
    """One muon per event.

    Parameters
    ----------
    position, direction : ndarray of float64, shape (events, 3)
        Point of the track that is nearest to the centre of the detector [m]; unit vector.
    energy : ndarray of float64, shape (events,)
        [GeV]
    """

    position: np.ndarray
    direction: np.ndarray
    energy: np.ndarray


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TrackHits:
    """Hits of many muons, one after the other.

    Parameters
    ----------
    event : ndarray of int64, shape (hits,)
        Which muon.
    slot : ndarray of int64, shape (hits,)
    time_ns : ndarray of float64, shape (hits,)
        From the first hit of the muon [ns].
    first_ns : ndarray of float64, shape (events,)
        Time of the first hit relative to the passage of `Muons.position` [ns].
    span_ns : ndarray of float64, shape (events,)
        From the first to the last hit [ns].
    """

    event: np.ndarray
    slot: np.ndarray
    time_ns: np.ndarray
    first_ns: np.ndarray
    span_ns: np.ndarray


def make_muons(rng: np.random.Generator, n: int) -> Muons:
    """Mostly down-going muons through a cylinder around the detector."""
    cos_zenith = 1 - rng.beta(1.0, 2.2, n) * 1.6
    azimuth = rng.uniform(0, 2 * np.pi, n)
    sin_zenith = np.sqrt(1 - cos_zenith**2)
    # The zenith angle is that of the origin; the muon flies the other way.
    direction = -np.stack([sin_zenith * np.cos(azimuth), sin_zenith * np.sin(azimuth), cos_zenith], axis=1)
    radius, phi = 110 * np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
    point = np.stack([radius * np.cos(phi), radius * np.sin(phi), rng.uniform(-160, 160, n)], axis=1)
    nearest = point - (point * direction).sum(axis=1, keepdims=True) * direction
    return Muons(nearest, direction, 10 ** (rng.exponential(0.6, n) + 1.8))


def light(rng: np.random.Generator, muons: Muons, detector: Detector, hits: np.ndarray) -> TrackHits:
    """The hits of each muon: about as many as asked for, on living modules.

    Parameters
    ----------
    hits : ndarray of int64, shape (events,)
        How many hits to aim for, 1 to 32.
    """
    living = detector.live.reshape(-1, MODULES)
    storeys = np.flatnonzero(living.any(axis=1))
    along, away = _geometry(muons, detector.position[storeys])
    best = _nearby(rng, away)
    t = (np.take_along_axis(along, best, 1) + _TAN_CHERENKOV * np.take_along_axis(away, best, 1)) / _C
    n, k = best.shape
    t = np.repeat(t[:, :, None], 2, axis=2) + rng.standard_exponential((n, k, 2), np.float32) * np.float32(4.0)
    module = rng.integers(0, MODULES, (n, k))
    module = np.stack([module, (module + rng.integers(1, MODULES, (n, k))) % MODULES], axis=2)
    slot = storeys[best][:, :, None] * MODULES + module
    wanted = (np.arange(2 * k).reshape(k, 2) < hits[:, None, None]) & detector.live[slot]
    first = np.where(wanted, t, np.inf).min(axis=(1, 2))
    first = np.where(np.isfinite(first), first, 0.0)
    t -= first[:, None, None]
    wanted &= t < LONGEST_NS
    span = np.where(wanted, t, 0.0).max(axis=(1, 2))
    return TrackHits(np.nonzero(wanted)[0], slot[wanted], t[wanted], first, span)


def _nearby(rng: np.random.Generator, away: np.ndarray) -> np.ndarray:
    """Positions that each track hits, int64, shape (events, at most 16): a sample without replacement, weighted by how near they are.

    The largest of weight / exponential noise are such a sample. Bits of positive floats sort as the floats do, so the number of the position takes the place of
    the last nine, and sorting numbers gives the sample.
    """
    noise = np.maximum(rng.standard_exponential(away.shape, np.float32), np.float32(1e-30))
    chance = np.exp(-away / np.float32(_REACH_M)) / noise
    keys = (chance.view(np.uint32) & np.uint32(0xFFFF_FE00)) | np.arange(away.shape[1], dtype=np.uint32)
    keys.sort(axis=1)
    return (keys[:, : -_STOREYS - 1 : -1] & np.uint32(0x1FF)).astype(np.int64)


def _geometry(muons: Muons, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance along each track from its nearest point, and from the track, of each position; float32, shape (events, positions) [m]."""
    d, p = muons.direction.astype(np.float32), muons.position.astype(np.float32)
    along = d @ position.T - (d * p).sum(axis=1, keepdims=True)
    square = (position**2).sum(axis=1) + (p**2).sum(axis=1, keepdims=True) - 2 * (p @ position.T)
    return along, np.sqrt(np.maximum(square - along**2, 0.25))
