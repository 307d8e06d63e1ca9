"""The flat tree of the DST: its columns, once each, under the names of the branches."""

from __future__ import annotations

from antdask.model import antdst_fields, tables


def test_every_fit_has_the_same_columns_and_a_flag() -> None:
    names = {f.name for f in antdst_fields.SEL_FIELDS}
    for prefix in ("aafit", "bbfit", "gridfit", "bbfit_shower", "showerdusj", "showertantra"):
        assert {f"{prefix}_{x}" for x in ("bjy", "pos_x", "angerr_deg", "cos_zenith", "nusedlines", "totalamp", "nhits", "flag")} <= names
    assert {"aafit_lambda", "bbfit_quality", "energy_aafit_ANN_ECAP", "showertantra_radius"} <= names


def test_no_column_stands_twice_and_the_key_is_that_of_events() -> None:
    names = list(tables.DST.rows.columns("antdst"))
    assert len(names) == len(set(names)) == 141
    assert names[:3] == ["run", "frame_index", "trigger_counter"]
