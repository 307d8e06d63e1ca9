"""Particles of several kinds laid out as rows, event by event: the neutrino, the lepton, then the tracks, where the source keeps each kind in columns of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from antdask.model.ragged import offsets_of, ranges


class ParticleSlots:
    """Where the particles of each kind stand.

    Parameters
    ----------
    counts : ndarray of int64, shape (events, kinds)
        Particles of each kind in each event; the kinds follow each other in an event.

    Attributes
    ----------
    offsets : ndarray of int64, shape (events + 1,)

    Examples
    --------
    >>> slots = ParticleSlots(np.array([[1, 2], [1, 0]]))
    >>> slots.join([np.array([10, 20]), np.array([11, 12])]).tolist(), slots.offsets.tolist()
    ([10, 11, 12, 20], [0, 3, 4])
    """

    def __init__(self, counts: np.ndarray) -> None:
        first = offsets_of(counts.reshape(-1))
        heads = first[:-1].reshape(counts.shape)
        self._places = [ranges(heads[:, k], counts[:, k]) for k in range(counts.shape[1])]
        self.offsets = offsets_of(counts.sum(axis=1))

    def join(self, parts: Sequence[np.ndarray | np.generic | float]) -> np.ndarray:
        """One column of what each kind has, in the dtype of the last; a number stands for all particles of its kind."""
        joined = np.empty(int(self.offsets[-1]), np.asarray(parts[-1]).dtype)
        for place, part in zip(self._places, parts, strict=True):
            joined[place] = part
        return joined
