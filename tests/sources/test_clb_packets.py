"""Dumps of packets as a source: what it recognises and describes, what it says of clocks and other layouts, and what it salvages from damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from km3net_testdata import data_path

import antdask
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.convert.verify import verify
from antdask.errors import CorruptFileError, InputChangedError, UnknownLayoutError, UnknownNameError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch, concatenate, cut
from antdask.plan import FileEntry
from antdask.sources import recognise
from antdask.sources.clb_packets import SOURCE
from tests.sources import clb_samples as samples
from tests.sources.seatray_samples import same

HITS = [(c, 1000 * c, 9) for c in range(20)]


def written(folder: Path, data: bytes) -> str:
    path = folder / "some.dqd"
    path.write_bytes(data)
    return str(path)


def salvage(entry: FileEntry, tree: str) -> tuple[list[Batch], list[tuple[int, int]]]:
    """Intact batches in order and the stretches that are lost, read the way the pipeline reads."""
    stop = sum(s.stop - s.start for s in entry.segments if s.tree == tree)
    batches, lost, position = [], [], 0
    while position < stop:
        try:
            for batch in SOURCE.read(entry, tree, position, stop):
                batches.append(batch)
                position += batch.rows
        except CorruptFileError as error:
            assert error.start == position and error.stop is not None
            lost.append((error.start, error.stop))
            position = error.stop
    return batches, lost


@pytest.mark.parametrize("name", samples.FILES)
def test_a_file_is_described_by_its_packets(name: str) -> None:
    tree, stream, packets, _, run = samples.FILES[name]
    assert recognise(samples.path(name)) is SOURCE
    entry = SOURCE.describe(samples.path(name))
    (segment,) = entry.segments
    assert (segment.stream, segment.tree, segment.run) == (stream, tree, RunKey("km3net", run))
    assert (segment.start, segment.stop, segment.nbytes) == (0, packets, entry.nbytes)
    assert entry.notes == (f"the clock of {packets} packets of {tree} has not the time of the world: they are filed in 1970",)


@pytest.mark.parametrize("name", ["daq/IO_EVT.dat", "daq/IO_SUM_legacy.dat", "evt/KM3Sim.evt", "online/km3net_online.root"])
def test_other_files_are_left_to_others(name: str) -> None:
    assert not SOURCE.sniff(name, Path(data_path(name)).read_bytes()[:1024])
    assert not SOURCE.sniff(name, b"\0\0\0\0TTD")


def test_acoustic_packets_alone_are_refused_with_a_reason() -> None:
    with pytest.raises(UnknownLayoutError, match=r"All packets are acoustic.*TTDC or TMCH"):
        SOURCE.describe(samples.path("clb_acoustics.csk"))


def test_acoustic_packets_beside_others_are_told(tmp_path: Path) -> None:
    data = samples.hits_packet(5, 1_600_000_000, HITS) + samples.acoustic_packet() * 2 + samples.monitoring_packet(1)[0]
    entry = SOURCE.describe(written(tmp_path, data))
    assert [(s.tree, s.start, s.stop) for s in entry.segments] == [("TTDC", 0, 1), ("TMCH", 0, 1)]
    assert entry.notes == ("2 packets of the acoustic sensor are not archived",)


def test_runs_in_one_file_are_segments(tmp_path: Path) -> None:
    data = b"".join(samples.hits_packet(run, 1_600_000_000, HITS) for run in (5, 5, 7, 5))
    entry = SOURCE.describe(written(tmp_path, data))
    assert [(s.run.run, s.start, s.stop) for s in entry.segments] == [(5, 0, 2), (7, 2, 3), (5, 3, 4)]


def test_headers_of_four_status_words_would_pass_for_hits_and_are_refused(tmp_path: Path) -> None:
    newer = samples.hits_packet(5, 1_600_000_000, [(0, 0, 0), (0, 0, 0), *HITS])
    with pytest.raises(UnknownLayoutError, match="four status words"):
        SOURCE.describe(written(tmp_path, newer * 9))
    assert SOURCE.describe(written(tmp_path, newer + samples.hits_packet(5, 1_600_000_000, HITS))).entries("packets") == 2


def test_monitoring_packets_that_are_all_of_another_length_are_refused(tmp_path: Path) -> None:
    packet, _ = samples.monitoring_packet(1)
    with pytest.raises(UnknownLayoutError, match="found 244 bytes"):
        SOURCE.describe(written(tmp_path, (struct.pack("<I", 240) + packet[4:-4]) * 3))


def test_small_batches_hold_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antdask.sources.clb_packets.BATCH_BYTES", 600)
    for name, (tree, _, packets, *_) in samples.FILES.items():
        entry = SOURCE.describe(samples.path(name))
        with monkeypatch.context() as patch:
            patch.setattr("antdask.sources.clb_packets.BATCH_BYTES", 2**20)
            (whole,) = SOURCE.read(entry, tree, 0, packets)
        batches = list(SOURCE.read(entry, tree, 0, packets))
        assert len(batches) == 3
        same(concatenate(batches), whole)
        same(concatenate(list(SOURCE.read(entry, tree, 1, 3))), cut(whole, 1, 3))


def test_unknown_trees_and_packets_are_refused() -> None:
    entry = SOURCE.describe(samples.path("clb.dqd"))
    with pytest.raises(UnknownNameError, match="Did you mean 'TTDC'"):
        next(SOURCE.read(entry, "TTDX", 0, 1))
    with pytest.raises(InputChangedError, match="found 3 packets"):
        next(SOURCE.read(entry, "TTDC", 0, 4))


def test_a_torn_end_loses_the_last_packet_and_says_so(tmp_path: Path) -> None:
    entry = SOURCE.describe(written(tmp_path, samples.data_of("clb.dqd")[:-5]))
    assert entry.notes[0] == "1401 bytes from byte 2284 on are no packet"
    batches, lost = salvage(entry, "TTDC")
    assert lost == [(2, 3)]
    same(concatenate(batches), cut(next(SOURCE.read(SOURCE.describe(samples.path("clb.dqd")), "TTDC", 0, 3)), 0, 2))


def test_of_many_breaks_the_first_are_told_and_the_others_counted(tmp_path: Path) -> None:
    packets = [bytearray(samples.hits_packet(5, 1_600_000_000 + n, [(1, 2, 3)])) for n in range(161)]
    for packet in packets[1:-1:2]:
        packet[1] ^= 1
    entry = SOURCE.describe(written(tmp_path, b"".join(packets)))
    assert entry.notes[-1] == "and 30 more stretches like these" and len(entry.notes) == 51
    batches, lost = salvage(entry, "TTDC")
    assert (sum(b.rows for b in batches), len(lost)) == (81, 80)


def test_a_broken_length_loses_its_packet(tmp_path: Path) -> None:
    data = bytearray(samples.data_of("clb.dqd"))
    data[1406] += 6
    batches, lost = salvage(SOURCE.describe(written(tmp_path, bytes(data))), "TTDC")
    assert lost == [(1, 2)]
    assert [b.tables["packets"]["n_hits"].tolist() for b in batches] == [[229], [229]]


@pytest.mark.parametrize("seed", range(60))
def test_random_damage_gives_intact_values_or_an_error(tmp_path: Path, seed: int) -> None:
    """What was not touched is as it was, wherever the damage lies; entries are all kept or lost."""
    rng = np.random.default_rng(seed)
    packets = [samples.hits_packet(5, 1_600_000_000 + n, HITS[: n + 3], sequence=n) for n in range(9)]
    packets += [samples.monitoring_packet(n)[0] for n in range(1, 5)]
    data = bytearray(b"".join(packets))
    starts = np.cumsum([0, *map(len, packets)])[:-1]
    whole = {t: concatenate(salvage(SOURCE.describe(written(tmp_path, bytes(data))), t)[0]) for t in ("TTDC", "TMCH")}
    places = rng.integers(8, len(data), 3)
    data[places[0]] ^= 1 << int(rng.integers(8))
    for place in places[1:]:
        data[place] = int(rng.integers(256))
    touched = set((np.searchsorted(starts, places, "right") - 1).tolist())
    entry = SOURCE.describe(written(tmp_path, bytes(data)))
    for tree, first, count in (("TTDC", 0, 9), ("TMCH", 9, 4)):
        batches, lost = salvage(entry, tree)
        rows = sum(b.rows for b in batches)
        assert rows + sum(b - a for a, b in lost) == sum(s.stop - s.start for s in entry.segments if s.tree == tree)
        kept = {int(b.tables["packets"]["udp_sequence"][n]): cut(b, n, n + 1) for b in batches for n in range(b.rows)}
        for n in range(count):
            own = cut(whole[tree], n, n + 1)
            if not touched & {first + n, first + n + 1}:
                other = kept[int(own.tables["packets"]["udp_sequence"][0])]
                other.tables["packets"]["source_entry"][:] = own.tables["packets"]["source_entry"]
                same(other, own)


def test_an_archive_holds_packets_in_their_order_and_answers(tmp_path: Path) -> None:
    """Modules come as the network brings them; one packet is broken, and everything else is kept, counted and found."""
    packets = [
        samples.hits_packet(5, 1_600_000_000 + second, HITS[: n + 1], dom_id=module, sequence=n)
        for second in (3, 1, 2)
        for module in (808_000_002, 808_000_001)
        for n in range(4)
    ]
    packets[7] = struct.pack("<I", 0) + packets[7][4:]
    url = written(tmp_path, b"".join(packets) + samples.monitoring_packet(1)[0])
    with make_cluster("serial") as cluster:
        convert(make_plan([url], str(tmp_path / "a")), cluster)
        assert verify(str(tmp_path / "a"), "source", cluster).problems == []
    archive = antdask.open_archive(str(tmp_path / "a"))
    found = archive.stream("packets").to_awkward(["utc_ns", "dom_id", "udp_sequence", "hits.channel_id", "hits.tdc"])
    keys = list(zip(found.utc_ns.tolist(), found.dom_id.tolist(), found.udp_sequence.tolist(), strict=True))
    every = [((1_600_000_000 + t) * 10**9, m, n) for t in (1, 2, 3) for m in (808_000_001, 808_000_002) for n in range(4)]
    assert keys == [k for k in every if k != (1_600_000_003_000_000_000, 808_000_001, 3)]
    assert found.hits.tdc.tolist() == [[1000 * c for c in range(n + 1)] for *_, n in keys]
    assert [(q["tree"], q["start"], q["stop"]) for q in archive.catalog.quarantine.to_pylist()] == [("TTDC", 7, 8)]
    assert archive.stream("packets").select(where="dom_id == 808000001 and any(hits.tdc == 3000)").count().rows == 2
    assert archive.stream("monitoring").select(time=("2020-09-13", None)).to_xarray(["rate"])["rate"].shape == (1, 31)
