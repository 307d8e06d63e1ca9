"""Simulated events and headers: what a source does not give is absent or marked, and no old column changed."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.model import mc_fields, tables
from antdask.model.ragged import empty

STREAMS = {
    "evt_ascii": ("mc", "headers"),
    "km3pipe_hdf5": ("events", "mc", "reco", "headers"),
    "controlhost": ("events", "rates", "timeslices", "timeslices_l0", "timeslices_l1", "timeslices_l2", "timeslices_sn"),
    "controlhost_legacy": ("rates",),
}


@pytest.mark.parametrize(("origin", "stream"), [(o, s) for o, streams in STREAMS.items() for s in streams])
def test_an_empty_batch_of_each_stream_is_sound(origin: str, stream: str) -> None:
    assert empty(stream, origin).problems() == []


def test_particles_of_simulated_antares_keep_their_columns() -> None:
    columns = tables.MC.table("particles").columns("antares_raw")
    assert list(columns) == ["pdg_type", "x", "y", "z", "dx", "dy", "dz", "time_ns", "energy"]
    assert [t.name for t in tables.MC.given_by("antares_raw")] == ["events", "particles"]


def test_whole_numbers_can_be_missing() -> None:
    for field in (*mc_fields.EVENT, *mc_fields.PARTICLE, *mc_fields.HIT):
        if field.numpy.kind == "i" and field.name != "pdg_type":
            assert field.missing.startswith(str(mc_fields.NO_NUMBER))
            assert np.iinfo(field.numpy).min <= mc_fields.NO_NUMBER


def test_old_summary_slices_do_not_pretend_to_the_words_they_lack() -> None:
    old, new = (set(tables.RATES.table("frames").columns(origin)) for origin in ("controlhost_legacy", "controlhost"))
    assert new - old == {"daq", "fifo", "status3", "status4", "udp_complete", "flags"}
    assert new == set(tables.RATES.table("frames").columns("km3net_online"))
