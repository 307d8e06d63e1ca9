"""The three encodings of frames carry the same data: real frames, written again in each of them, come back equal."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
import uproot

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.km3net_frames import VECTOR_BRANCH, Frames, check_frames, read_frames
from antdask.sources.km3net_records import COUNTED
from tests.sources.branch_samples import Column
from tests.sources.online_samples import L1, ONLINE, SN, entries, find

MEMBERS = (
    "length",
    "type",
    "detector_id",
    "run",
    "frame_index",
    "seconds",
    "cycles",
    "id",
    "daq",
    "status",
    "fifo",
    "status_3",
    "status_4",
)
SIGNED = ("length", "type", "detector_id", "run", "frame_index", "id")


def block(body: bytes, version: int) -> bytes:
    return struct.pack(">IH", COUNTED | (2 + len(body)), version) + body


def word(name: str, value: int) -> bytes:
    return struct.pack(">i" if name in SIGNED else ">I", value)


def object_wise(frames: list[dict[str, Any]]) -> bytes:
    """Frame after frame, as the generated streamers of the classes write (ROOT 6.40 writes the same, see ``data/object_wise.root``)."""
    body = struct.pack(">I", len(frames))
    for frame in frames:
        w = {name: word(name, frame[name]) for name in MEMBERS}
        chronometer = block(w["detector_id"] + w["run"] + w["frame_index"] + block(w["seconds"] + w["cycles"], 1), 3)
        status = b"".join(w[name] for name in ("daq", "status", "fifo", "status_3", "status_4"))
        header = block(block(chronometer, 2) + block(w["id"], 1) + block(status, 1), 2)
        hits = frame["hits"]
        body += block(w["length"] + w["type"] + header + block(struct.pack(">i", len(hits) // 6) + block(hits, 9), 1), 3)
    return block(body, 9)


def member_wise(frames: list[dict[str, Any]]) -> bytes:
    """Column after column."""
    body = struct.pack(">HI", 3, len(frames))
    for name in ("length", "type"):
        body += b"".join(word(name, f[name]) for f in frames)
    body += struct.pack(">HII", 1, 0, 0x03000000) * len(frames)
    for name in ("detector_id", "run", "frame_index"):
        body += b"".join(word(name, f[name]) for f in frames)
    body += b"".join(block(struct.pack(">II", f["seconds"], f["cycles"]), 1) for f in frames)
    for name in MEMBERS[7:]:
        body += b"".join(word(name, f[name]) for f in frames)
    body += b"".join(struct.pack(">i", len(f["hits"]) // 6) for f in frames)
    if frames:
        body += block(b"".join(f["hits"] for f in frames), 9)
    return block(body, 0x4009)


def split(slices: list[list[dict[str, Any]]]) -> Column:
    """A branch per member."""
    names = {"seconds": "timeslice_start.UTC_seconds", "cycles": "timeslice_start.UTC_16nanosecondcycles"}
    children = [
        Column(f"{VECTOR_BRANCH}.{names.get(name, name)}", [b"".join(word(name, f[name]) for f in frames) for frames in slices])
        for name in MEMBERS
    ]
    children += [Column(f"{VECTOR_BRANCH}.{name}", [b"\0\0\0\0" * len(frames) for frames in slices]) for name in ("fUniqueID", "fBits")]
    counts = [b"".join(struct.pack(">i", len(f["hits"]) // 6) for f in frames) for frames in slices]
    buffers = [block(b"".join(f["hits"] for f in frames), 9) for frames in slices]
    children += [Column(f"{VECTOR_BRANCH}.numberOfHits", counts), Column(f"{VECTOR_BRANCH}.buffer", buffers)]
    return Column(VECTOR_BRANCH, [struct.pack(">i", len(frames)) for frames in slices], tuple(children))


def real(name: str, tree: str, numbers: list[int]) -> tuple[list[bytes], list[list[dict[str, Any]]]]:
    """Bytes of real slices, and their frames taken apart with `struct`."""
    with uproot.open(ONLINE / name) as file:
        blobs = [entries(find(file[tree], VECTOR_BRANCH))[i] for i in numbers]
    slices = []
    for blob in blobs:
        n = struct.unpack_from(">I", blob, 8)[0]
        at = [12 + n * k for k in (0, 4, 8, 18, 22, 26, 30, 44, 48, 52, 56, 60, 64, 68, 72)]
        hits, frames = at[-1] + 6, []
        for k in range(n):
            columns = [struct.unpack_from(">I", blob, a + 4 * k)[0] for a in (*at[:2], *at[3:6])]
            columns += struct.unpack_from(">6xII", blob, at[6] + 14 * k)
            columns += [struct.unpack_from(">I", blob, a + 4 * k)[0] for a in at[7:13]]
            count = struct.unpack_from(">I", blob, at[13] + 4 * k)[0]
            frames.append(dict(zip(MEMBERS, columns, strict=True)) | {"hits": blob[hits : hits + 6 * count]})
            hits += 6 * count
        slices.append(frames)
    return blobs, slices


@pytest.fixture(scope="module", params=[(L1, "KM3NET_TIMESLICE_L1", [0]), (SN, "KM3NET_TIMESLICE_SN", [0, 1, 2, 50])], ids=["L1", "SN"])
def sample(request: pytest.FixtureRequest) -> tuple[list[bytes], list[list[dict[str, Any]]]]:
    return real(*request.param)


def assert_equal(found: Frames, slices: list[list[dict[str, Any]]]) -> None:
    assert found.counts.tolist() == [len(frames) for frames in slices]
    for name in MEMBERS:
        np.testing.assert_array_equal(found.columns[name], [f[name] for frames in slices for f in frames], err_msg=name)
    assert found.hits().tobytes() == b"".join(f["hits"] for frames in slices for f in frames)
    assert found.columns["numberOfHits"].tolist() == [len(f["hits"]) // 6 for frames in slices for f in frames]


def test_real_member_wise_frames_are_read(sample: tuple[list[bytes], list[list[dict[str, Any]]]]) -> None:
    blobs, slices = sample
    assert_equal(read_frames(Column(VECTOR_BRANCH, blobs), 0, len(blobs)), slices)


def test_frames_written_object_by_object_are_the_same(sample: tuple[list[bytes], list[list[dict[str, Any]]]]) -> None:
    _, slices = sample
    assert_equal(read_frames(Column(VECTOR_BRANCH, [object_wise(f) for f in slices]), 0, len(slices)), slices)


def test_frames_split_into_branches_are_the_same(sample: tuple[list[bytes], list[list[dict[str, Any]]]]) -> None:
    _, slices = sample
    assert_equal(read_frames(split(slices), 0, len(slices)), slices)


def test_each_entry_of_a_branch_may_stand_in_another_way() -> None:
    _, slices = real(SN, "KM3NET_TIMESLICE_SN", [1, 0, 2, 0, 3])
    ways = [object_wise, object_wise, member_wise, member_wise, object_wise]
    blobs = [way(frames) for way, frames in zip(ways, slices, strict=True)]
    assert_equal(read_frames(Column(VECTOR_BRANCH, blobs), 0, 5), slices)


def test_hits_that_look_like_a_frame_are_hits() -> None:
    """The bytes by which frames are found may stand in hits, even whole frames."""
    frame = dict.fromkeys(MEMBERS, 1) | {"hits": b""}
    inside = object_wise([frame])[10:]
    padded = inside + b"\0" * (-len(inside) % 6)
    slices = [[frame | {"hits": padded * 3}, frame, frame | {"hits": padded}], [frame]]
    assert_equal(read_frames(Column(VECTOR_BRANCH, [object_wise(f) for f in slices]), 0, 2), slices)


def changed(data: bytes, position: int, kind: str, value: int) -> bytes:
    out = bytearray(data)
    struct.pack_into(kind, out, position, value)
    return bytes(out)


@pytest.mark.parametrize("way", [object_wise, member_wise])
@pytest.mark.parametrize("change", ["cut", "longer", "count", "more frames", "less frames", "hits", "negative hits"])
def test_an_entry_that_contradicts_itself_is_named(way: Any, change: str) -> None:
    frames = [dict.fromkeys(MEMBERS, 1) | {"hits": bytes(range(6 * k))} for k in range(3)]
    good, n_at = way(frames), 6 if way is object_wise else 8
    hits_at = 10 + 6 + 8 + 80 + 6 if way is object_wise else 12 + 3 * 68
    bad = {
        "cut": lambda: changed(good[:-1], 0, ">I", COUNTED | (len(good) - 5)),
        "longer": lambda: changed(good + b"\0", 0, ">I", COUNTED | (len(good) - 3)),
        "count": lambda: changed(good, 0, ">I", COUNTED | (len(good) - 5)),
        "more frames": lambda: changed(good, n_at, ">I", 2**31 + 4),
        "less frames": lambda: changed(good, n_at, ">I", 2),
        "hits": lambda: changed(good, hits_at, ">i", 1),
        "negative hits": lambda: changed(good, hits_at, ">i", -1),
    }[change]()
    with pytest.raises(CorruptFileError) as caught:
        read_frames(Column(VECTOR_BRANCH, [good, bad, good]), 0, 3)
    assert (caught.value.start, caught.value.stop) == (1, 2)


def test_every_block_inside_an_object_wise_frame_is_checked() -> None:
    good = object_wise([dict.fromkeys(MEMBERS, 1) | {"hits": bytes(6)}])
    blocks = [p for p in range(10, len(good) - 6) if good[p] == 0x40 and good[p + 1] == 0]
    assert len(blocks) == 9
    for p in blocks:
        with pytest.raises(CorruptFileError):
            read_frames(Column(VECTOR_BRANCH, [changed(good, p, ">I", struct.unpack_from(">I", good, p)[0] + 1)]), 0, 1)


@pytest.mark.parametrize("member", ["detector_id", "run", "frame_index", "cycles", "seconds", "type"])
def test_a_frame_that_disagrees_with_its_slice_is_damage(member: str) -> None:
    frame = dict.fromkeys(MEMBERS, 7) | {"type": 101, "hits": b""}
    header = {name: np.array([7, 7], np.uint32) for name in ("detector_id", "run", "frame_index", "cycles", "seconds")}
    branch = Column(VECTOR_BRANCH, [member_wise([frame]), member_wise([frame, frame | {"seconds": 7 | 1 << 31}])])
    check_frames(read_frames(branch, 0, 2), header, branch, 0)
    odd = Column(VECTOR_BRANCH, [member_wise([frame]), member_wise([frame, frame | {member: 8}])])
    with pytest.raises(CorruptFileError, match=member) as caught:
        check_frames(read_frames(odd, 0, 2), header, odd, 10)
    assert (caught.value.start, caught.value.stop) == (11, 12)


def test_another_class_version_is_refused() -> None:
    good = member_wise([dict.fromkeys(MEMBERS, 1) | {"hits": b""}])
    with pytest.raises(CorruptFileError, match="class version"):
        read_frames(Column(VECTOR_BRANCH, [changed(good, 6, ">H", 4)]), 0, 1)


def test_split_frames_need_every_member_of_the_counted_length() -> None:
    slices = [[dict.fromkeys(MEMBERS, 1) | {"hits": bytes(6)}] * 2]
    whole = split(slices)
    with pytest.raises(UnknownLayoutError, match="buffer"):
        read_frames(Column(VECTOR_BRANCH, whole.entries, whole.children[:-1]), 0, 1)
    for child in whole.children:
        if child.name.endswith("fBits"):
            continue
        kept, child.entries = child.entries, [child.entries[0][:-1]]
        with pytest.raises(CorruptFileError):
            read_frames(whole, 0, 1)
        child.entries = kept
    assert_equal(read_frames(whole, 0, 1), slices)
