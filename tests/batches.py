"""Random batches of any declared stream: every column filled over its whole range, ragged counts with zeros."""

from __future__ import annotations

import numpy as np

from antdask.model.ragged import Batch, offsets_of
from antdask.model.tables import schema


def random_batch(stream: str, origin: str, rows: int, seed: int = 0, mean: float = 5.0, first_frame: int = 0) -> Batch:
    """`rows` rows in the declared order; ragged tables hold `mean` rows per parent on average."""
    rng = np.random.default_rng(seed)
    tables, offsets, lengths = {}, {}, {}
    declared = schema(stream)
    for table in declared.given_by(origin):
        if table.parent is None:
            lengths[table.name] = rows
        else:
            counts = rng.poisson(mean, lengths[table.parent]) * (rng.random(lengths[table.parent]) > 0.2)
            offsets[table.name] = offsets_of(counts)
            lengths[table.name] = int(counts.sum())
        tables[table.name] = {
            name: _values(rng, field.numpy, (lengths[table.name], *(n for _, n in field.dims)))
            for name, field in table.columns(origin).items()
        }
    for key in declared.order[:1]:
        tables[declared.rows.name][key] = np.arange(first_frame, first_frame + rows, dtype=declared.rows.field(key).numpy)
    return Batch(stream, origin, tables, offsets)


def _values(rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    if dtype.kind == "f":
        values = rng.normal(size=shape).astype(dtype)
        values[rng.random(shape) < 0.05] = np.nan
        return values
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, size=shape, dtype=dtype, endpoint=True)


def same(a: Batch, b: Batch) -> bool:
    """Bit for bit."""
    return (
        a.tables.keys() == b.tables.keys()
        and all(
            a.tables[t][c].tobytes() == b.tables[t][c].tobytes() and a.tables[t][c].dtype == b.tables[t][c].dtype
            for t in a.tables
            for c in a.tables[t]
        )
        and all((a.offsets[t] == b.offsets[t]).all() for t in a.offsets)
    )
