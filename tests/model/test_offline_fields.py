"""Fields of offline files: one name in each table, and no column of another source touched."""

from __future__ import annotations

from antdask.model import offline_fields, tables


def test_no_column_stands_twice_in_a_table() -> None:
    for name in ("events", "reco", "mc", "dst"):
        for table in tables.schema(name).tables:
            names = [f.name for f in table.fields]
            assert len(names) == len(set(names)), f"{name}/{table.name}"


def test_texts_hang_below_what_they_are_about() -> None:
    (usr, names, name_bytes, comment) = offline_fields.user_tables("particles", "particle", "particle_")
    assert [t.name for t in (usr, names, name_bytes, comment)] == ["particle_usr", "particle_usr_names", "particle_usr_name_bytes", "particle_comment_bytes"]  # fmt: skip
    assert (usr.parent, name_bytes.parent, comment.parent) == ("particles", "particle_usr_names", "particles")


def test_own_fields_belong_to_no_other_source() -> None:
    own = (*offline_fields.EVT_EVENT, *offline_fields.EVENT_HIT, *offline_fields.MC_HIT, *offline_fields.TRACK, *offline_fields.PARTICLE)
    assert {f.origins for f in own if f.name != "rec_type"} == {offline_fields.OFFLINE}
    assert {t.origins for t in offline_fields.DST_TABLES} == {offline_fields.KM3NET_DST}


def test_events_of_a_dst_have_the_key_and_their_numbers() -> None:
    given = {t.name: list(t.columns("km3net_dst")) for t in tables.DST.given_by("km3net_dst")}
    assert given == {
        "events": ["run", "frame_index", "trigger_counter", "source_input", "source_entry"],
        "summary": ["name_id", "place", "value"],
    }
