"""Every value of real packets of modules equals an independent decode; packets that contradict themselves are refused."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antdask.errors import CorruptFileError
from antdask.model.ragged import Batch, concatenate
from antdask.sources.clb_packets import SOURCE
from antdask.sources.clb_records import HEAD, MONITOR
from tests.sources import clb_samples as samples


def whole(path: str) -> Batch:
    entry = SOURCE.describe(path)
    batch = concatenate([b for s in entry.segments for b in SOURCE.read(entry, s.tree, s.start, s.stop)])
    assert batch.problems() == []
    return batch


def assert_head(batch: Batch, packets: list[dict[str, Any]]) -> None:
    columns = batch.tables["packets"]
    for name in ("run", "udp_sequence", "dom_id", "status"):
        assert columns[name].tolist() == [p[name] for p in packets], name
    assert columns["utc_ns"].tolist() == [p["seconds"] * 10**9 + 16 * p["ticks"] for p in packets]
    assert columns["source_entry"].tolist() == list(range(len(packets)))


def test_layouts_have_the_sizes_of_the_packets() -> None:
    assert (HEAD.itemsize, MONITOR.itemsize) == (32, 248)


def test_every_hit_of_the_real_dump() -> None:
    batch, packets = whole(samples.path("clb.dqd")), [p for _, p in samples.walk(samples.data_of("clb.dqd"))]
    assert_head(batch, packets)
    hits = [h for p in packets for h in p["hits"]]
    assert list(zip(*(batch.tables["hits"][c].tolist() for c in ("channel_id", "tdc", "tot")), strict=True)) == hits
    assert batch.tables["packets"]["n_hits"].tolist() == [len(p["hits"]) for p in packets] == [229, 141, 229]
    assert batch.offsets["hits"].tolist() == [0, 229, 370, 599]
    # What km3pipe's own test knows of this file.
    assert hits[2] == (15, 66541067, 28)


def test_every_number_of_the_real_monitoring_packets() -> None:
    batch, packets = whole(samples.path("IO_MONIT.dat")), [p for _, p in samples.walk(samples.data_of("IO_MONIT.dat"))]
    assert_head(batch, packets)
    columns = batch.tables["packets"]
    for name, _, _ in samples.MONITOR:
        assert columns[name].tolist() == [p[name] for p in packets], name
    assert columns["yaw"][0] == np.float32(199.05983) and columns["temperature"].tolist() == [3235] * 6
    assert columns["slice_duration"].tolist() == [100_000] * 6
    assert columns["utc_ns"].tolist() == [541_500_000_000 + n * 100_000_000 for n in range(6)]


def test_no_two_numbers_of_a_monitoring_packet_are_mixed_up(tmp_path: Path) -> None:
    """The real packets hold many zeros, so made ones, of which all numbers differ, are compared too."""
    made = [samples.monitoring_packet(seed) for seed in range(1, 5)]
    (tmp_path / "made.dat").write_bytes(b"".join(data for data, _ in made))
    batch = whole(str(tmp_path / "made.dat"))
    assert_head(batch, [numbers for _, numbers in made])
    for name, _, _ in samples.MONITOR:
        assert batch.tables["packets"][name].tolist() == [numbers[name] for _, numbers in made], name
    veto = [numbers["high_rate_veto"] for _, numbers in made]
    assert batch.tables["packets"]["flags"].tolist() == [[v >> c & 1 for c in range(31)] for v in veto]
    assert len(set(veto)) == 4


def test_a_packet_without_hits_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "a.dqd").write_bytes(
        samples.hits_packet(5, 1_600_000_000, []) + samples.hits_packet(5, 1_600_000_000, [(30, 2**32 - 1, 255)])
    )
    batch = whole(str(tmp_path / "a.dqd"))
    assert batch.offsets["hits"].tolist() == [0, 0, 1]
    assert [int(batch.tables["hits"][c][0]) for c in ("channel_id", "tdc", "tot")] == [30, 2**32 - 1, 255]


@pytest.mark.parametrize(
    ("packet", "what"),
    [
        (struct.pack("<I", 33) + samples.hits_packet(5, 1, [(1, 2, 3)])[4:-1], "does not hold whole hits"),
        (
            samples.hits_packet(5, 1, [(1, 2, 3)]).replace(struct.pack(">I", 0), struct.pack(">I", 62_500_000)),
            "ticks of 16 ns are more than a second",
        ),
        (samples.hits_packet(5, 1, [(1, 2, 3), (31, 2, 3)]), "channel that cannot be"),
        (samples.hits_packet(5, 1, [(1, 2, 3)], dom_id=0), "module or channel that cannot be"),
    ],
)
def test_packets_that_contradict_themselves_are_named(tmp_path: Path, packet: bytes, what: str) -> None:
    sound = samples.hits_packet(5, 1, [(1, 2, 3)])
    (tmp_path / "a.dqd").write_bytes(sound + packet + sound)
    entry = SOURCE.describe(str(tmp_path / "a.dqd"))
    batches = SOURCE.read(entry, "TTDC", 0, 3)
    assert next(batches).rows == 1
    with pytest.raises(CorruptFileError, match=what) as caught:
        next(batches)
    assert (caught.value.start, caught.value.stop) == (1, 2)


def test_a_monitoring_packet_of_another_length_beside_known_ones_is_lost(tmp_path: Path) -> None:
    data = samples.data_of("IO_MONIT.dat")
    (tmp_path / "a.dat").write_bytes(data[:248] + struct.pack("<I", 240) + data[4:244] + data[248:])
    entry = SOURCE.describe(str(tmp_path / "a.dat"))
    with pytest.raises(CorruptFileError, match=r"of another length.*248 bytes") as caught:
        list(SOURCE.read(entry, "TMCH", 0, 7))
    assert (caught.value.start, caught.value.stop) == (1, 2)
