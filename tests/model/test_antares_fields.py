"""ANTARES raw fields: masks are those of ANTARES, slots cover the detector."""

from __future__ import annotations

from antdask.model import antares_fields, tables


def test_a_trigger_bit_is_its_number_less_one() -> None:
    flags = {name: bit for bit, name in antares_fields.ANTARES_TRIGGER_MASK.flags}
    assert (flags["3D"], flags["MINIMUM_BIAS"], flags["T3"], flags["MERGED"]) == (1, 1 << 8, 1 << 13, 1 << 31)
    assert antares_fields.ANTARES_TRIGGER_MASK.dtype == "u4"


def test_raw_events_carry_no_mask_of_km3net() -> None:
    events, hits = (tables.EVENTS.table(name).columns("antares_raw") for name in ("events", "hits"))
    assert "antares_trigger_mask" in events
    assert "trigger_mask" not in events
    assert {"line", "floor", "om", "ars", "timestamp", "tvc", "avc", "triggered"} == set(hits)


def test_a_slot_stands_for_each_module_of_twelve_full_lines() -> None:
    assert antares_fields.OM_SLOTS[0][1] == 12 * 25 * 3
    assert [f.dims for f in antares_fields.OM_COUNTS] == [antares_fields.OM_SLOTS] * 2
