"""Packets are found one after the other, and again behind damage; what is not believed costs its own packet only."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import numpy as np
import pytest

from antdask.errors import CorruptFileError
from antdask.sources.blob import open_blob
from antdask.sources.clb_index import TAGS, Index, scan
from tests.sources import clb_samples as samples

HITS = [(c, 1000 * c, 9) for c in range(20)]


def index_of(folder: Path, data: bytes) -> Index:
    (folder / "some.dqd").write_bytes(data)
    with open_blob(str(folder / "some.dqd")) as blob:
        return scan(blob)


def found(index: Index) -> list[tuple[int, int, bool]]:
    return list(zip(index.starts.tolist(), index.sizes.tolist(), index.lost.tolist(), strict=True))


@pytest.fixture
def packets() -> list[bytes]:
    return [samples.hits_packet(5, 1_600_000_000 + n, HITS[: 4 * n + 2], sequence=n) for n in range(5)]


def places(packets: list[bytes]) -> list[int]:
    return np.cumsum([0, *map(len, packets)]).tolist()


@pytest.mark.parametrize("name", samples.FILES)
def test_packets_of_real_files_are_where_an_independent_decode_finds_them(name: str) -> None:
    with open_blob(samples.path(name)) as blob:
        index = scan(blob)
    packets = list(samples.walk(samples.data_of(name)))
    assert index.starts.tolist() == [start for start, _ in packets]
    assert (index.starts + index.sizes).tolist() == [*index.starts.tolist()[1:], len(samples.data_of(name))]
    assert (index.runs.tolist(), index.seconds.tolist()) == ([p["run"] for _, p in packets], [p["seconds"] for _, p in packets])
    assert not index.lost.any() and {TAGS[t].decode() for t in index.tags} == {samples.FILES[name][0]}


def test_tags_are_told_apart(tmp_path: Path) -> None:
    data = samples.hits_packet(5, 1, HITS) + samples.monitoring_packet(1)[0] + samples.acoustic_packet() + samples.hits_packet(6, 1, HITS)
    index = index_of(tmp_path, data)
    assert [TAGS[t] for t in index.tags] == [b"TTDC", b"TMCH", b"TAES", b"TTDC"]
    assert index.of(b"TTDC").runs.tolist() == [5, 6]


@pytest.mark.parametrize("length", [0, 3, 27, 65_508, 2**31, 2**32 - 1])
def test_an_impossible_length_costs_its_packet(tmp_path: Path, packets: list[bytes], length: int) -> None:
    at = places(packets)
    packets[2] = struct.pack("<I", length) + packets[2][4:]
    assert found(index_of(tmp_path, b"".join(packets))) == [(a, b - a, n == 2) for n, (a, b) in enumerate(itertools.pairwise(at))]


@pytest.mark.parametrize("change", [-60, -6, -1, 1, 6, 60, 138])
def test_a_wrong_length_that_could_be_costs_its_packet_too(tmp_path: Path, packets: list[bytes], change: int) -> None:
    at = places(packets)
    (length,) = struct.unpack_from("<I", packets[2])
    packets[2] = struct.pack("<I", length + change) + packets[2][4:]
    assert found(index_of(tmp_path, b"".join(packets))) == [(a, b - a, n == 2) for n, (a, b) in enumerate(itertools.pairwise(at))]


@pytest.mark.parametrize("broken", [1, 2, 4])
def test_a_broken_tag_costs_its_packet(tmp_path: Path, packets: list[bytes], broken: int) -> None:
    at = places(packets)
    packets[broken] = packets[broken][:4] + b"TTDX" + packets[broken][8:]
    assert found(index_of(tmp_path, b"".join(packets))) == [(a, b - a, n == broken) for n, (a, b) in enumerate(itertools.pairwise(at))]


def test_where_length_and_tag_are_gone_the_packet_before_is_not_believed_either(tmp_path: Path, packets: list[bytes]) -> None:
    at = places(packets)
    packets[2] = bytes(8) + packets[2][8:]
    assert found(index_of(tmp_path, b"".join(packets))) == [
        (0, at[1], False),
        (at[1], at[3] - at[1], True),
        (at[3], at[4] - at[3], False),
        (at[4], at[5] - at[4], False),
    ]


def test_a_torn_end_costs_the_last_packet(tmp_path: Path, packets: list[bytes]) -> None:
    data, at = b"".join(packets), places(packets)
    for stop in range(at[4] + 1, at[5]):
        assert found(index_of(tmp_path, data[:stop]))[3:] == [(at[3], at[4] - at[3], False), (at[4], stop - at[4], True)]


def test_what_follows_the_last_packet_is_no_packet(tmp_path: Path, packets: list[bytes]) -> None:
    data = b"".join(packets)
    index = index_of(tmp_path, data + b"\0" * 100)
    assert index.lost.tolist() == [False] * 4 + [True]
    assert int(index.starts[4] + index.sizes[4]) == len(data) + 100


def test_a_lost_stretch_keeps_tag_and_run(tmp_path: Path, packets: list[bytes]) -> None:
    packets[0] = struct.pack("<I", 2**31) + packets[0][4:]
    packets[3] = packets[3][:4] + b"????" + bytes(16) + packets[3][24:]
    index = index_of(tmp_path, b"".join(packets))
    assert index.lost.tolist() == [True, False, False, True, False]
    assert index.runs.tolist() == [5] * 5 and [TAGS[t] for t in index.tags] == [b"TTDC"] * 5


def test_packets_are_found_across_the_ends_of_windows(tmp_path: Path, packets: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    packets[2] = struct.pack("<I", 0) + packets[2][4:]
    data = b"".join(packets) * 3
    expected = found(index_of(tmp_path, data))
    assert sum(lost for *_, lost in expected) == 3
    for window in range(40, 120, 3):
        monkeypatch.setattr("antdask.sources.clb_index._WINDOW", window)
        assert found(index_of(tmp_path, data)) == expected


def test_a_file_that_does_not_begin_with_a_packet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match="does not begin with a packet"):
        index_of(tmp_path, b"no packet at all, but as many bytes as one")
