"""Fields of packets: a packet names neither detector nor frame, so no such column is declared; raw words are whole."""

from __future__ import annotations

from antdask.model import packet_fields, tables


def test_what_a_packet_does_not_name_is_not_declared() -> None:
    for schema in (tables.PACKETS, tables.MONITORING):
        names = {f.name for t in schema.tables for f in t.fields}
        assert not names & {"detector_id", "frame_index", "trigger_counter"}
        assert set(schema.order) <= {f.name for f in schema.rows.fields}


def test_hits_hang_below_packets() -> None:
    assert {t.name: t.parent for t in tables.PACKETS.tables} == {"packets": None, "hits": "packets"}
    assert {f.name: f.dtype for f in tables.PACKETS.table("hits").fields} == {"channel_id": "u1", "tdc": "u4", "tot": "u1"}


def test_monitoring_keeps_the_integers_of_the_packet() -> None:
    columns = {f.name: f for f in packet_fields.MONITORING}
    assert (columns["rate"].dtype, columns["rate"].unit, columns["rate"].dims) == ("u4", "daHz", (("channel", 31),))
    assert {n: (columns[n].dtype, columns[n].unit) for n in ("temperature", "humidity")} == {
        "temperature": ("u2", "0.01 degC"),
        "humidity": ("u2", "0.01 percent"),
    }


def test_words_of_later_versions_say_where_they_are_void() -> None:
    later = [f.name for f in packet_fields.MONITORING if f.missing]
    assert later == ["slice_duration", "tdc_fifo_size", "acoustics_fifo_size"]
    assert all("packet_flags" in f.missing for f in packet_fields.MONITORING if f.missing)
