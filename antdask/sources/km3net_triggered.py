"""Which hits of the snapshot are the triggered ones: an exact join of two hit lists, event by event, without sorting them.

Triggered hits repeat hits of the snapshot, in another order. Every hit is four numbers (dom, channel, time, tot) and its event: more than 64 bits, so keys cannot
be compared as one number. Strategy: rounds of a hash table that keeps one triggered hit per slot and compares in full::

    round 1   slots of all triggered hits ── first come stays ──►  snapshot hits look into their slot: equal in full? found
    round 2   those that lost their slot, another hash, a smaller table; and so on until none is left

Equal hits share one *leader*, the first of them; the n-th of equal triggered hits belongs to the n-th of equal snapshot hits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from antdask.model.ragged import offsets_of

# Odd multipliers (splitmix64, xxHash); each round takes the next of them.
_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_LOAD = 16  # slots per triggered hit


class Keys(NamedTuple):
    """What makes hits equal, as two uint64 per hit."""

    place: np.ndarray
    moment: np.ndarray


def keys(records: np.ndarray, counts: np.ndarray) -> Keys:
    """Keys of hit records (``dom_id, channel_id, tdc, tot``) of consecutive events with `counts` hits each."""
    event = np.repeat(np.arange(len(counts), dtype=np.uint64) << np.uint64(16), counts)
    place = event | records["channel_id"].astype(np.uint64) << np.uint64(8) | records["tot"].astype(np.uint64)
    moment = records["dom_id"].astype(np.uint32).astype(np.uint64) << np.uint64(32) | records["tdc"].astype(np.uint64)
    return Keys(place, moment)


def match(hits: Keys, triggered: Keys) -> tuple[np.ndarray, np.ndarray]:
    """Join hits with triggered hits.

    Returns
    -------
    of_hit : ndarray of int64, shape (hits,)
        The triggered hit that is the same, -1 without one. Of equal hits the n-th gets the n-th of equal triggered hits, the last if they are fewer.
    of_triggered : ndarray of int64, shape (triggered hits,)
        The same the other way round.
    """
    hit_leader, triggered_leader = _leaders(hits, triggered)
    n, found = len(triggered_leader), np.flatnonzero(hit_leader >= 0)
    leader = hit_leader[found]
    of_hit, of_triggered = np.full(len(hit_leader), -1, np.int64), np.full(n, -1, np.int64)
    many = np.bincount(leader, minlength=n)
    if (triggered_leader == np.arange(n)).all() and (many <= 1).all():
        of_hit[found], of_triggered[leader] = leader, found
        return of_hit, of_triggered
    # Equal hits exist: line both lists up by leader, in their order, and pair equal ranks.
    by_leader, triggered_by_leader = np.argsort(leader, kind="stable"), np.argsort(triggered_leader, kind="stable")
    lined, leader, triggered_leader = found[by_leader], leader[by_leader], triggered_leader[triggered_by_leader]
    triggered_many = np.bincount(triggered_leader, minlength=n)
    first, triggered_first = offsets_of(many)[:-1], offsets_of(triggered_many)[:-1]
    rank, triggered_rank = np.arange(len(leader)) - first[leader], np.arange(n) - triggered_first[triggered_leader]
    of_hit[lined] = triggered_by_leader[triggered_first[leader] + np.minimum(rank, triggered_many[leader] - 1)]
    has = many[triggered_leader] > 0
    partner = (first[triggered_leader] + np.minimum(triggered_rank, many[triggered_leader] - 1))[has]
    of_triggered[triggered_by_leader[has]] = lined[partner]
    return of_hit, of_triggered


def _leaders(hits: Keys, triggered: Keys) -> tuple[np.ndarray, np.ndarray]:
    """For every hit and every triggered hit the first triggered hit that equals it, -1 for hits without one."""
    hit_leader = np.full(len(hits.place), -1, np.int64)
    triggered_leader = np.full(len(triggered.place), -1, np.int64)
    searching, left, turn = np.arange(len(hits.place)), np.arange(len(triggered.place)), 0
    while len(left):  # equal hits share every slot, so each turn settles at least the first that is left
        bits = max(8, int(_LOAD * len(left)).bit_length())
        slots = np.full(1 << bits, -1, np.int32)
        slot = _slot(triggered, left, bits, turn)
        slots[slot[::-1]] = left[::-1]  # of those that meet in a slot the last assignment stays, hence the first hit
        winner = slots[slot]
        won = _equal(triggered, winner, triggered, left)
        triggered_leader[left[won]] = winner[won]
        candidate = slots[_slot(hits, searching, bits, turn)]
        held = np.flatnonzero(candidate >= 0)
        same = held[_equal(triggered, candidate[held], hits, searching[held])]
        hit_leader[searching[same]] = candidate[same]
        rest = np.ones(len(searching), bool)
        rest[same] = False
        searching, left, turn = searching[rest], left[~won], turn + 1
    return hit_leader, triggered_leader


def _slot(hits: Keys, which: np.ndarray, bits: int, turn: int) -> np.ndarray:
    """Slot of each hit: the upper bits of a multiplicative hash; another one in every turn."""
    a, b = (_MULTIPLIERS[(turn + k) % len(_MULTIPLIERS)] + np.uint64(2 * turn) for k in (0, 2))
    mixed = hits.place[which] * a ^ hits.moment[which] * b
    return ((mixed ^ mixed >> np.uint64(29)) * a >> np.uint64(64 - bits)).astype(np.int64)


def _equal(a: Keys, i: np.ndarray, b: Keys, j: np.ndarray) -> np.ndarray:
    return (a.place[i] == b.place[j]) & (a.moment[i] == b.moment[j])
