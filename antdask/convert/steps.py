"""Steps that come with antdask, and an example to begin from."""

from __future__ import annotations

import numpy as np

from antdask.model.ragged import Batch, take


def select_events(batch: Batch, *, min_hits: int = 0, min_triggered: int = 0) -> Batch:
    """Events with at least so many hits and triggered hits; all else stays as it is.

    Parameters
    ----------
    batch : Batch
        Of stream ``events``.
    """
    events = batch.tables["events"]
    return take(batch, np.flatnonzero((events["n_hits"] >= min_hits) & (events["n_triggered"] >= min_triggered)))
