"""Names of columns are resolved as they are written."""

import numpy as np
import pytest

from antdask.errors import UnknownNameError, UsageError
from antdask.model.tables import SCHEMAS
from antdask.query.columns import flat, key_columns, resolve

KEYS = ["events/run", "events/frame_index", "events/trigger_counter"]


def test_every_stream_has_keys_that_it_declares():
    for name, schema in SCHEMAS.items():
        keys = key_columns(schema)
        assert keys and all(key.startswith(f"{schema.rows.name}/") for key in keys), name


def test_names_become_paths_in_the_declared_order(small):
    index = small.stream("events").index
    parts = np.arange(4)
    assert resolve(index, parts, ["hits.tot", "n_hits", "hits.tdc", "n_hits"]) == [*KEYS, "events/n_hits", "hits/tot", "hits/tdc"]
    assert resolve(index, parts, "n_hits") == [*KEYS, "events/n_hits"]
    assert resolve(index, parts, []) == KEYS
    assert resolve(index, parts, ["events.run", "detector"]) == [*KEYS, "events/detector"]
    assert resolve(index, parts, "triggered_hits")[3:] == [
        f"triggered_hits/{n}" for n in ("dom_id", "channel_id", "tdc", "tot", "trigger_mask", "hit_index")
    ]
    assert resolve(index, np.array([0]), None) == index.columns(np.array([0]))
    assert resolve(index, np.zeros(0, np.int64), None) == index.columns(parts)


def test_a_flat_view_has_what_lies_above(small):
    index = small.stream("timeslices_l1").index
    parts = np.array([0])
    assert flat(index, parts, "hits", None)[2:] == [
        *(f"frames.{n}" for n in [p.partition("/")[2] for p in index.columns(parts) if p.startswith("frames/")]),
        "hits.channel_id", "hits.tdc", "hits.tot",
    ]  # fmt: skip
    assert flat(index, parts, "hits", ["frames.dom_id", "n_hits", "hits.tot"]) == [
        "run",
        "frame_index",
        "n_hits",
        "frames.dom_id",
        "hits.tot",
    ]
    assert flat(index, parts, "slices", None) == [p.partition("/")[2] for p in index.columns(parts) if p.startswith("slices/")]


def test_what_does_not_fit_into_one_table_is_refused(small):
    index = small.stream("events").index
    with pytest.raises(UsageError, match=r"'triggered_hits.tot' does not fit.*Ask for table='triggered_hits'"):
        flat(index, np.arange(4), "hits", ["hits.tot", "triggered_hits.tot"])
    with pytest.raises(UsageError, match=r"'hits.tot' does not fit"):
        flat(index, np.arange(4), "events", ["hits.tot"])
    with pytest.raises(UnknownNameError, match="Did you mean 'hits'"):
        flat(index, np.arange(4), "hit", None)
    with pytest.raises(UnknownNameError, match="Unknown table 'triggered_hits'"):
        flat(index, np.array([0]), "triggered_hits", None)
