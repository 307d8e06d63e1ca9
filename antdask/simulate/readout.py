"""How the two chips of a module take its hits: who gets a hit, and which hits are lost.

A hit is one 64-bit number while it is made, so that sorting hits is sorting numbers. From the top, with the module above the time::

    event | slot 10 | time t [25/256 ns] | low 13

The bits of the time leave the highest one empty: two numbers of different modules then differ by more than any dead time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from antdask.simulate.charges import CHARGE_BITS
from antdask.simulate.spec import TICK_NS

#: The TVC divides a tick of 25 ns; times are kept in 1/256 of it.
SUBTICKS = 256
NS = SUBTICKS / TICK_NS
SLOT_BITS = 10
#: Charge and trigger flag.
LOW_BITS = CHARGE_BITS + 1
#: Two hits of a module are at least this far apart, and a chip is busy this long after a hit [ns].
GATE_NS, DEAD_NS = 37.2, 230.0


class Taken(NamedTuple):
    """Hits that the chips took, in the order of (event, slot, time); all uint64.

    Parameters
    ----------
    event, slot, chip, time, low : ndarray
        ``chip`` is 0 or 1.
    """

    event: np.ndarray
    slot: np.ndarray
    chip: np.ndarray
    time: np.ndarray
    low: np.ndarray


def pack(*columns: tuple[np.ndarray, int]) -> np.ndarray:
    """Columns with their widths in bits, the first on top, as numbers to sort; uint64.

    Examples
    --------
    >>> pack((np.array([1], np.uint64), 4), (np.array([2], np.uint64), 4)).tolist()
    [18]
    """
    (first, _), *rest = columns
    keys = first.astype(np.uint64)
    for column, bits in rest:
        keys <<= np.uint64(bits)
        keys |= column.astype(np.uint64, copy=False)
    return keys


def take(keys: np.ndarray, time_bits: int) -> Taken:
    """What the chips take of hits sorted by module.

    Each hit goes to the chip that did not take the last one. A hit inside the gate of the one before is part of it; one that finds its chip busy is lost.

    Parameters
    ----------
    keys : ndarray of uint64, shape (hits,)
        Sorted; may be overwritten.
    time_bits : int
        Width of the time.
    """
    for back, dead in ((1, GATE_NS), (2, DEAD_NS)):
        limit = np.uint64(int(np.ceil(dead * NS)) << LOW_BITS)
        while len(keys) > back:
            early = (keys[back:] - keys[:-back]) < limit
            # The first too early one of a row is lost; whether those that were compared with it, or stand behind it, still are shows when it is gone.
            first = early.copy()
            for step in range(1, back + 1):
                first[step:] &= ~early[:-step]
            lost = np.flatnonzero(first)
            if not len(lost):
                break
            keys = np.delete(keys, lost + back)
    place = keys >> np.uint64(time_bits + LOW_BITS)
    # Which chip takes the first hit of a module differs from module to module and event to event.
    event = place >> np.uint64(SLOT_BITS)
    chip = (place ^ event) & np.uint64(1)
    again = np.flatnonzero(place[1:] == place[:-1]) + 1
    # The second hit of each module in an event: where those that follow another of the same module begin.
    head = np.maximum.accumulate(np.where(np.diff(again, prepend=-1) != 1, again, 0))
    chip[again] ^= (again - head + 1).astype(np.uint64) & np.uint64(1)
    low = keys & np.uint64(2**LOW_BITS - 1)
    keys >>= np.uint64(LOW_BITS)
    keys &= np.uint64(2**time_bits - 1)
    place &= np.uint64(2**SLOT_BITS - 1)
    return Taken(event, place, chip, keys, low)
