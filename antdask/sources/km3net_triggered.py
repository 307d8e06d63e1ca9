"""Which hits of the snapshot are the triggered ones: an exact join of two hit lists, event by event, without sorting them.

Triggered hits repeat hits of the snapshot, in another order. Every hit is ten bytes (dom, channel, time, tot) and its event: more than 64 bits, so keys cannot be
compared as one number. Strategy: rounds of a hash table that keeps one triggered hit per slot and compares in full::

    round 1   a stretch of slots per event, all triggered hits ── first come stays ──►  snapshot hits look into their slot: empty? not triggered · equal in full? found
    round 2   those that lost their slot, and the hits that met another there; another hash, a smaller table; and so on until none is left

Equal hits share one *leader*, the first of them; the n-th of equal triggered hits belongs to the n-th of equal snapshot hits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from antdask.model.ragged import Columns, offsets_of
from antdask.sources.km3net_records import native

# Odd multipliers (splitmix64, xxHash); each round takes others of them.
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
_HIT = ("dom_id", "channel_id", "tdc", "tot")
_LOAD = 4  # slots per triggered hit


#: Hits that are joined together: what one round touches should stay in the cache.
GROUP_HITS = 2**17


class _Keys(NamedTuple):
    """What makes hits equal: the first eight bytes of the record; event and the last two bytes; both uint64. And the number of events."""

    first: np.ndarray
    last: np.ndarray
    events: int


def event_tables(
    row: Columns, header: Columns, hits: np.ndarray, n_hits: np.ndarray, triggered: np.ndarray, n_triggered: np.ndarray
) -> tuple[dict[str, Columns], dict[str, np.ndarray]]:
    """The tables of stream events, and their offsets, from the records of the two hit lists (see `match`).

    Parameters
    ----------
    row : dict of ndarray, shape (events,)
        Key, times and source of each event.
    header : dict of ndarray, shape (events,)
        With trigger_counter, trigger_mask and overlays.
    hits, triggered : structured ndarray
        Fields dom_id, channel_id, tdc and tot; of `triggered` also trigger_mask.
    n_hits, n_triggered : ndarray of int64, shape (events,)
    """
    of_hit, of_triggered = match(hits, n_hits, triggered, n_triggered)
    mask, offsets = native(triggered["trigger_mask"]), offsets_of(n_hits)
    tables = {
        "events": {
            **row,
            "trigger_counter": header["trigger_counter"].astype(np.int64),
            "trigger_mask": header["trigger_mask"],
            "overlays": header["overlays"],
            "n_hits": n_hits.astype(np.uint32),
            "n_triggered": n_triggered.astype(np.uint32),
        },
        "hits": {
            **{name: native(hits[name]) for name in _HIT},
            "triggered": (of_hit >= 0).astype(np.uint8),
            "trigger_mask": np.where(of_hit >= 0, np.append(mask, np.uint64(0))[of_hit], np.uint64(0)),
        },
        "triggered_hits": {
            **{name: native(triggered[name]) for name in _HIT},
            "trigger_mask": mask,
            "hit_index": np.where(of_triggered >= 0, of_triggered - np.repeat(offsets[:-1], n_triggered), -1).astype(np.int32),
        },
    }
    return tables, {"hits": offsets, "triggered_hits": offsets_of(n_triggered)}


def match(hits: np.ndarray, n_hits: np.ndarray, triggered: np.ndarray, n_triggered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join hits with triggered hits of the same events.

    Parameters
    ----------
    hits, triggered : structured ndarray
        Records that begin with the ten bytes of dom, channel, time and tot; what follows them is of no account.
    n_hits, n_triggered : ndarray of int64, shape (events,)
        Records of each event.

    Returns
    -------
    of_hit : ndarray of int64, shape (hits,)
        The triggered hit that is the same, -1 without one. Of equal hits the n-th gets the n-th of equal triggered hits, the last if they are fewer.
    of_triggered : ndarray of int64, shape (triggered hits,)
        The same the other way round.
    """
    of_hit, of_triggered = np.full(len(hits), -1, np.int64), np.full(len(triggered), -1, np.int64)
    first, triggered_first = offsets_of(n_hits), offsets_of(n_triggered)
    low = 0
    while low < len(n_hits):
        high = max(low + 1, int(np.searchsorted(first, first[low] + GROUP_HITS, "right")) - 1)
        mine, theirs = slice(first[low], first[high]), slice(triggered_first[low], triggered_first[high])
        a, b = _match(_keys(hits[mine], n_hits[low:high]), _keys(triggered[theirs], n_triggered[low:high]))
        of_hit[mine] = np.where(a >= 0, a + theirs.start, -1)
        of_triggered[theirs] = np.where(b >= 0, b + mine.start, -1)
        low = high
    return of_hit, of_triggered


def _keys(records: np.ndarray, counts: np.ndarray) -> _Keys:
    halves = records.view({"names": ["first", "last"], "formats": ["<u8", "<u2"], "offsets": [0, 8], "itemsize": records.dtype.itemsize})
    event = np.repeat(np.arange(len(counts), dtype=np.uint64) << np.uint64(16), counts)
    return _Keys(np.ascontiguousarray(halves["first"]), event | halves["last"], len(counts))


def _match(hits: _Keys, triggered: _Keys) -> tuple[np.ndarray, np.ndarray]:
    """`match` within one group."""
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


def _leaders(hits: _Keys, triggered: _Keys) -> tuple[np.ndarray, np.ndarray]:
    """For every hit and every triggered hit the first triggered hit that equals it, -1 for hits without one."""
    hit_leader = np.full(len(hits.last), -1, np.int64)
    triggered_leader = np.full(len(triggered.last), -1, np.int64)
    searching, left, turn = np.arange(len(hits.last)), np.arange(len(triggered.last)), 0
    while len(left):  # equal hits share every slot, so each turn settles at least the first that is left
        events = triggered.events if turn == 0 else 1
        bits = max(4, (_LOAD * len(left) // events).bit_length())
        slots = np.full(events << bits, -1, np.int32)
        slot = _slot(triggered, left, bits, turn)
        slots[slot[::-1]] = left[::-1]  # of those that meet in a slot the last assignment stays, hence the first hit
        winner = slots[slot]
        triggered_leader[winner] = winner
        lost = np.flatnonzero(winner != left)
        equal = _equal(triggered, winner[lost], triggered, left[lost])
        triggered_leader[left[lost[equal]]] = winner[lost[equal]]
        candidate = slots[_slot(hits, searching, bits, turn)]
        met = np.flatnonzero(candidate >= 0)
        searching, candidate = searching[met], candidate[met]
        same = _equal(triggered, candidate, hits, searching)
        hit_leader[searching[same]] = candidate[same]
        searching, left, turn = searching[~same], left[lost[~equal]], turn + 1
    return hit_leader, triggered_leader


def _slot(hits: _Keys, which: np.ndarray, bits: int, turn: int) -> np.ndarray:
    """Slot of each hit: the upper bits of a multiplicative hash, another one in every turn; in the first turn each event has a stretch, to stay in the cache."""
    a, b = (np.uint64(_MULTIPLIERS[(turn + k) % len(_MULTIPLIERS)] + 2 * turn) for k in (0, 2))
    first, last = (hits.first, hits.last) if turn == 0 else (hits.first[which], hits.last[which])
    mixed = (first * a ^ last * b) >> np.uint64(64 - bits)
    if turn == 0:
        mixed |= last >> np.uint64(16) << np.uint64(bits)
    return mixed.view(np.int64)


def _equal(a: _Keys, i: np.ndarray, b: _Keys, j: np.ndarray) -> np.ndarray:
    same: np.ndarray = (a.last[i] == b.last[j]) & (a.first[i] == b.first[j])
    return same
