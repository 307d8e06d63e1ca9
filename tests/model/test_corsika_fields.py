"""Fields of CORSIKA: what a shower has beside other simulated events, and that no other source pretends to it."""

from __future__ import annotations

import pytest

from antdask.model.corsika_fields import CORSIKA_SHOWER, SHOWER, SHOWER_PARTICLE, SHOWER_TABLES
from antdask.model.ragged import empty
from antdask.model.tables import MC


def test_an_empty_batch_is_sound() -> None:
    assert empty("mc", "corsika").problems() == []
    assert [t.name for t in MC.given_by("corsika")] == ["events", "particles", "evth", "evte", "longitudinal"]


def test_words_are_archived_as_the_file_has_them() -> None:
    for table in SHOWER_TABLES:
        assert [(f.name, f.dtype) for f in table.fields] == [("value", "f4")]
    assert [f.dtype for f in SHOWER_PARTICLE if f.name.startswith("word_")] == ["f4"] * 3


@pytest.mark.parametrize("origin", ["evt_ascii", "km3net_offline", "km3pipe_hdf5", "antares_raw", "gseagen", "gibuu"])
def test_no_other_source_has_them(origin: str) -> None:
    assert not {f.name for f in SHOWER} & set(MC.rows.columns(origin))
    assert not {f.name for f in SHOWER_PARTICLE} & set(MC.table("particles").columns(origin))
    assert not set(SHOWER_TABLES) & set(MC.given_by(origin))
    assert {f.origins for f in (*SHOWER, *SHOWER_PARTICLE)} == {CORSIKA_SHOWER}
