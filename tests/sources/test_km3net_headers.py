"""Headers in every depth of splitting give the same columns."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.km3net_headers import EVENT_COLUMNS, LAYOUTS, PREAMBLE, SLICE_COLUMNS, clock_status, find_headers, utc_ns
from antdask.sources.km3net_records import COUNTED
from tests.sources.branch_samples import Column, Tree

SLICE = "KM3NETDAQ::JDAQTimesliceHeader"
EVENT = "KM3NETDAQ::JDAQEventHeader"
SECONDS, CYCLES = 0x80000000 | 1_600_000_000, 6_250_000


def block(body: bytes, version: int) -> bytes:
    return struct.pack(">IH", COUNTED | (2 + len(body)), version) + body


UTC = block(struct.pack(">II", SECONDS, CYCLES), 1)
NUMBERS = struct.pack(">iii", 44, 7, 12)
CHRONOMETER = block(NUMBERS + UTC, 3)
HEADER = block(CHRONOMETER, 2)
COUNTER, MASK, OVERLAYS = block(struct.pack(">Q", 99), 1), block(struct.pack(">Q", 2**63 + 1), 1), struct.pack(">I", 3)
WHOLE = Column(PREAMBLE, [struct.pack(">ii", 34, 1003)] * 2)


def leaf(name: str, data: bytes) -> Column:
    return Column(name, [data] * 2)


def parent(name: str, *children: Column) -> Column:
    return Column(name, [], children)


def numbers() -> list[Column]:
    return [leaf(name, struct.pack(">i", value)) for name, value in (("detector_id", 44), ("run", 7), ("frame_index", 12))]


def two_words(prefix: str) -> list[Column]:
    return [leaf(f"{prefix}UTC_seconds", struct.pack(">I", SECONDS)), leaf(f"{prefix}UTC_16nanosecondcycles", struct.pack(">I", CYCLES))]


SLICES = {
    "not split": leaf(SLICE, block(HEADER, 2)),
    "split once": parent(SLICE, leaf("KM3NETDAQ::JDAQHeader", HEADER)),
    "split twice": parent(SLICE, parent("KM3NETDAQ::JDAQHeader", leaf("KM3NETDAQ::JDAQChronometer", CHRONOMETER))),
    "time whole": parent(
        SLICE, parent("KM3NETDAQ::JDAQHeader", parent("KM3NETDAQ::JDAQChronometer", *numbers(), leaf("timeslice_start", UTC)))
    ),
    "time in words": parent(SLICE, *numbers(), *two_words("timeslice_start.")),
    "time below": parent(SLICE, *numbers(), parent("timeslice_start", *two_words(""))),
}


@pytest.mark.parametrize("depth", SLICES)
def test_every_depth_of_splitting_gives_the_same_columns(depth: str) -> None:
    headers = find_headers(Tree((WHOLE, SLICES[depth])), SLICE, SLICE_COLUMNS, (1003,))
    columns = headers.read(0, 2)
    assert {n: c.tolist() for n, c in columns.items()} == {
        "length": [34, 34],
        "type": [1003, 1003],
        "detector_id": [44, 44],
        "run": [7, 7],
        "frame_index": [12, 12],
        "seconds": [SECONDS] * 2,
        "cycles": [CYCLES] * 2,
    }
    assert headers.split == (depth != "not split" and "split" not in depth)


def test_a_split_preamble_is_read_and_what_root_keeps_for_itself_is_not() -> None:
    preamble = parent(
        PREAMBLE,
        parent("KM3NETDAQ::JDAQAbstractPreamble", leaf("length", struct.pack(">i", 34)), leaf("type", struct.pack(">i", 1003))),
        parent("TObject", leaf("fUniqueID", b"\0" * 4), leaf("fBits", b"\0" * 4)),
    )
    columns = find_headers(Tree((preamble, SLICES["not split"])), SLICE, SLICE_COLUMNS, (1003,)).read(0, 2)
    assert columns["length"].tolist() == [34, 34]


@pytest.mark.parametrize("split", [False, True])
def test_event_headers_add_counter_mask_and_overlays(split: bool) -> None:
    whole = leaf(EVENT, block(HEADER + COUNTER + MASK + OVERLAYS, 3))
    parts = parent(
        EVENT,
        leaf("KM3NETDAQ::JDAQHeader", HEADER),
        leaf("KM3NETDAQ::JDAQTriggerCounter", COUNTER),
        parent("KM3NETDAQ::JDAQTriggerMask", leaf("trigger_mask", struct.pack(">Q", 2**63 + 1))),
        leaf("overlays", OVERLAYS),
    )
    columns = find_headers(Tree((WHOLE, parts if split else whole)), EVENT, EVENT_COLUMNS, (1003,)).read(1, 2)
    assert columns["trigger_counter"].tolist() == [99]
    assert columns["trigger_mask"].tolist() == [2**63 + 1]
    assert columns["overlays"].tolist() == [3]


def test_only_the_branches_of_wanted_columns_are_read() -> None:
    tree = Tree((Column(PREAMBLE, [b"damaged"] * 2), SLICES["not split"]))
    columns = find_headers(tree, SLICE, SLICE_COLUMNS, (1003,)).read(0, 2, ("run",))
    assert columns["run"].tolist() == [7, 7]


def test_sizes_of_headers_are_those_of_the_format() -> None:
    assert [LAYOUTS[n].dtype.itemsize for n in ("JDAQEventHeader", "JDAQTimesliceHeader", "JDAQSummarysliceHeader", "timeslice_start")] == [
        76,
        44,
        44,
        14,
    ]


def test_an_unknown_or_missing_member_is_an_unknown_layout() -> None:
    with pytest.raises(UnknownLayoutError, match="new_member"):
        find_headers(Tree((WHOLE, parent(SLICE, *numbers(), leaf("new_member", b"")))), SLICE, SLICE_COLUMNS, (1003,))
    with pytest.raises(UnknownLayoutError, match="other members"):
        find_headers(Tree((WHOLE, parent(SLICE, *numbers()))), SLICE, SLICE_COLUMNS, (1003,))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (struct.pack(">iii", 44, -7, 12), "run is negative"),
        (struct.pack(">iii", 44, 7, -12), "frame_index is negative"),
    ],
)
def test_numbers_that_no_header_can_hold_are_damage(data: bytes, what: str) -> None:
    odd = Column(SLICE, [block(HEADER, 2), block(block(block(data + UTC, 3), 2), 2)])
    with pytest.raises(CorruptFileError, match=what) as caught:
        find_headers(Tree((WHOLE, odd)), SLICE, SLICE_COLUMNS, (1003,)).read(0, 2)
    assert (caught.value.start, caught.value.stop) == (1, 2)


def test_cycles_of_more_than_a_second_and_counters_of_64_bits_are_damage() -> None:
    late = block(block(block(NUMBERS + block(struct.pack(">II", 1, 62_500_000), 1), 3), 2), 2)
    with pytest.raises(CorruptFileError, match="more than a second"):
        find_headers(Tree((WHOLE, leaf(SLICE, late))), SLICE, SLICE_COLUMNS, (1003,)).read(0, 1)
    large = block(HEADER + block(struct.pack(">Q", 2**63), 1) + MASK + OVERLAYS, 3)
    with pytest.raises(CorruptFileError, match="63 bits"):
        find_headers(Tree((WHOLE, leaf(EVENT, large))), EVENT, EVENT_COLUMNS, (1003,)).read(0, 1)


def test_another_type_code_is_damage() -> None:
    with pytest.raises(CorruptFileError, match="another type of data"):
        find_headers(Tree((WHOLE, SLICES["not split"])), SLICE, SLICE_COLUMNS, (2001,)).read(0, 2)


def test_utc_is_exact_and_leaves_the_clock_status_out() -> None:
    seconds, cycles = np.array([SECONDS, 0x7FFFFFFF], np.uint32), np.array([CYCLES, 62_499_999], np.uint32)
    assert utc_ns(seconds, cycles).tolist() == [1_600_000_000_100_000_000, 2_147_483_647_999_999_984]
    assert clock_status(seconds).tolist() == [1, 0]
