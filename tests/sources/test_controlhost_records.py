"""Every value of real DAQ records equals an independent decode; records that contradict themselves are refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from antdask.errors import CorruptFileError
from antdask.model.ragged import Batch
from antdask.sources.controlhost import SOURCE
from antdask.sources.controlhost_records import KINDS, Records, decode, fits
from tests.sources import controlhost_samples as samples

EVENTS = [n for n in samples.FILES if "EVT" in n]
SUMMARIES = [n for n in samples.FILES if "SUM" in n]
SLICES = [n for n in samples.FILES if "TS" in n]


def whole(name: str) -> Batch:
    entry = SOURCE.describe(samples.path(name))
    (batch,) = SOURCE.read(entry, samples.FILES[name][1], 0, samples.FILES[name][3])
    return batch


def table(batch: Batch, name: str, *columns: str) -> list[tuple[int, ...]]:
    return list(zip(*(batch.tables[name][c].tolist() for c in columns), strict=True))


@pytest.mark.parametrize("name", samples.FILES)
def test_headers_are_those_of_the_records(name: str) -> None:
    batch, records = whole(name), samples.decode(name)
    expected = [
        (r["run"], r["frame"], r["detector"], (r["seconds"] & 0x7FFFFFFF) * 10**9 + 16 * r["cycles"], r["seconds"] >> 31, r["length"])
        for r in records
    ]
    columns = ("run", "frame_index", "detector_id", "utc_ns", "clock_status", "preamble_length")
    assert table(batch, batch.schema.rows.name, *columns) == expected


@pytest.mark.parametrize("name", EVENTS)
def test_events_hold_every_hit(name: str) -> None:
    batch, records = whole(name), samples.decode(name)
    numbers = [(r["counter"], r["mask"], r["overlays"], len(r["hits"]), len(r["triggered"])) for r in records]
    assert table(batch, "events", "trigger_counter", "trigger_mask", "overlays", "n_hits", "n_triggered") == numbers
    hit = ("dom_id", "channel_id", "tdc", "tot")
    assert table(batch, "hits", *hit) == [h for r in records for h in r["hits"]]
    assert table(batch, "triggered_hits", *hit, "trigger_mask") == [h for r in records for h in r["triggered"]]
    marked = [{h[:4]: h[4] for h in r["triggered"]} for r in records]
    masks = [masks.get(h, 0) for masks, r in zip(marked, records, strict=True) for h in r["hits"]]
    assert batch.tables["hits"]["trigger_mask"].tolist() == masks
    assert batch.tables["hits"]["triggered"].tolist() == [int(m > 0) for m in masks]
    index = batch.tables["triggered_hits"]["hit_index"].tolist()
    triggered = [(r, h) for r in records for h in r["triggered"]]
    assert all(r["hits"][i] == h[:4] for i, (r, h) in zip(index, triggered, strict=True))


@pytest.mark.parametrize("name", SUMMARIES)
def test_summary_slices_hold_every_rate(name: str) -> None:
    batch, frames = whole(name), [f for r in samples.decode(name) for f in r["frames"]]
    words = ("dom_id", "status") if "legacy" in name else ("dom_id", "daq", "status", "fifo", "status3", "status4")
    assert table(batch, "frames", *words) == [f[:-1] for f in frames]
    assert batch.tables["frames"]["rate_code"].tolist() == [f[-1] for f in frames]


def test_flags_follow_from_status_and_fifo() -> None:
    columns, frames = whole("IO_SUM").tables["frames"], [f for r in samples.decode("IO_SUM") for f in r["frames"]]
    for n, (_, daq, status, fifo, *_, rates) in enumerate(frames):
        flags = [status >> c & 1 | (fifo >> c & 1) << 1 | (rates[c] == 0) << 2 for c in range(31)]
        assert columns["flags"][n].tolist() == flags
        assert columns["udp_complete"][n] == (daq & 0xFFFF == (daq >> 16) + 1 and fifo >> 31)
    assert columns["flags"].any() and columns["udp_complete"].any()


@pytest.mark.parametrize("name", SLICES)
def test_timeslices_hold_every_frame_and_hit(name: str) -> None:
    batch, frames = whole(name), [f for r in samples.decode(name) for f in r["frames"]]
    words = ("frame_length", "clock_status", "dom_id", "daq", "status", "fifo", "status3", "status4")
    assert table(batch, "frames", *words) == [f[0] for f in frames]
    assert table(batch, "hits", "channel_id", "tdc", "tot") == [h for _, hits in frames for h in hits]
    assert np.diff(batch.offsets["hits"]).tolist() == [len(hits) for _, hits in frames]


def test_the_numbers_are_those_that_others_found() -> None:
    """From the tests of km3pipe (``io/tests/test_daq.py``)."""
    events = whole("IO_EVT")
    assert table(events, "events", "n_triggered", "n_hits")[0] == (182, 239)
    assert table(events, "triggered_hits", "dom_id", "channel_id", "tdc", "trigger_mask")[:2] == [
        (806451572, 23, 40380598, 4),
        (806455814, 14, 40380623, 4),
    ]
    slices = whole("IO_TSSN")
    assert table(slices, "slices", "frame_index", "n_hits") == [(198, 0), (218, 4), (238, 54)]
    assert whole("IO_TSL0_legacy").tables["frames"]["dom_id"].tolist() == [808447031]


@pytest.mark.parametrize("name", samples.FILES)
def test_only_one_layout_explains_a_record(name: str) -> None:
    data, legacy = Path(samples.path(name)).read_bytes(), samples.FILES[name][0]
    length, code = struct.unpack_from("<ii", data)
    record = np.frombuffer(data[:length], np.uint8)
    assert fits(record, KINDS[code], legacy)
    assert not fits(record, KINDS[code], not legacy)


def one(name: str, number: int, change: tuple[int, bytes]) -> Records:
    """Record `number` of a file, with some bytes replaced."""
    data = Path(samples.path(name)).read_bytes()
    start, record = list(samples.walk(data, samples.FILES[name][0]))[number]
    payload = bytearray(data[start : start + record["length"]])
    at, new = change
    payload[at : at + len(new)] = new
    kind = KINDS[struct.unpack_from("<i", payload, 4)[0]]
    return Records(
        np.frombuffer(bytes(payload), np.uint8), np.zeros(1, np.int64), np.array([len(payload)]), kind, False, "file", "tree", number
    )


FLAWS = {
    "another version": ("IO_EVT", 1, (8, b"\x07"), "version that is not known"),
    "a negative run": ("IO_EVT", 1, (17, b"\xff"), "run is negative"),
    "too many cycles": ("IO_SUM", 0, (29, b"\xff"), "cycles of 16 ns"),
    "a huge counter": ("IO_EVT", 0, (37, b"\xff"), "63 bits"),
    "more triggered hits": ("IO_EVT", 0, (52, b"\xff\xff"), "does not hold what it counts"),
    "fewer hits than bytes": ("IO_EVT", 2, (50, b"\0"), "does not hold what it counts"),
    "more summary frames": ("IO_SUM", 1, (30, b"\x23"), "does not hold what it counts"),
    "a negative number of summary frames": ("IO_SUM", 1, (33, b"\x80"), "does not hold what it counts"),
    "millions of frames": ("IO_TSL1_1003", 3, (32, b"\xff"), "frames it counts"),
    "a frame that is too long": ("IO_TSL1_1003", 3, (34, b"\xff"), "do not end where it does"),
    "a frame of another run": ("IO_TSL1_1003", 3, (46, b"\x01"), "disagrees with its slice or itself in 'run'"),
    "a frame of another time": ("IO_TSL1_1003", 3, (54, b"\x01"), "disagrees with its slice or itself in 'seconds'"),
    "a frame of another type": ("IO_TSL1_1003", 3, (38, b"\x66"), "disagrees with its slice or itself in 'type'"),
    "a frame with more hits than bytes": ("IO_TSL1_1003", 3, (86, b"\x09"), "disagrees with its slice or itself in 'length'"),
    "a hit of an event with a channel too many": ("IO_EVT", 1, (-6, b"\x1f"), "module or channel that cannot be"),
    "zeros in place of hits": ("IO_EVT", 0, (-300, bytes(200)), "module or channel that cannot be"),
    "a summary of no module": ("IO_SUM", 0, (34, bytes(4)), "module or channel that cannot be"),
    "a hit of a timeslice with a channel too many": ("IO_TSL1_1003", 3, (-6, b"\xff"), "module or channel that cannot be"),
}


@pytest.mark.parametrize("what", FLAWS)
def test_a_record_that_contradicts_itself_is_refused(what: str) -> None:
    name, number, change, words = FLAWS[what]
    with pytest.raises(CorruptFileError, match=words) as caught:
        decode(one(name, number, change))
    assert (caught.value.tree, caught.value.start, caught.value.stop) == ("tree", number, number + 1)
