import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from km3net_testdata import data_path

from antdask.archive import layout as lay
from antdask.archive.ledger import read_receipt, receipts
from antdask.archive.store import Store
from antdask.archive.writer import PartWriter
from antdask.cluster.failures import classify
from antdask.cluster.worker_environment import WORKER_ENVIRONMENT
from antdask.convert.campaign import open_campaign
from antdask.convert.material import intact_batches
from antdask.convert.part import peak_memory, work
from antdask.convert.scan import make_plan
from antdask.errors import CorruptFileError, DamagedPartError, InputChangedError, InputMissingError, InputUnreadableError, PlanError
from antdask.model.ragged import concatenate, cut
from antdask.plan import Range
from antdask.simulate import SimulationSpec, simulate
from antdask.sources import SOURCES
from tests.batches import same
from tests.outside import problems

L1 = "online/KM3NeT_00000267_00025291_L1.root"
UNSORTED = "online/events_sample.root"


@pytest.fixture
def opened(tmp_path):
    def make(*names, **settings):
        from antdask.settings import load

        inputs = []
        for name in names:
            inputs.append(tmp_path / Path(name).name)
            shutil.copy(data_path(name), inputs[-1])
        plan = make_plan([str(p) for p in inputs], str(tmp_path / "archive"), load(**settings))
        store = Store(plan.archive)
        open_campaign(store, plan)
        return plan, store, store.full_url(lay.plan_file(plan.id))

    return make


def test_a_part_is_made_once_and_then_found(opened):
    plan, store, url = opened(L1)
    first = work(0, url)
    stamp = os.stat(store.full(lay.part_file(first.part))).st_mtime_ns
    receipt = read_receipt(store, plan.parts[0].key)
    assert work(0, url) == first == receipt.brief()
    assert os.stat(store.full(lay.part_file(first.part))).st_mtime_ns == stamp
    assert first.rows == 3 and receipt.entries == 3 and first.lost == 0
    assert first.peak_memory > 0 and receipt.work["seconds"] > 0


def test_rows_are_sorted_and_keep_their_entry_number(opened):
    plan, store, url = opened(UNSORTED)
    part = next(p for p in plan.parts if p.key.stream == "timeslices_l1")
    receipt = work(part.index, url)
    import zarr

    with zarr.storage.ZipStore(store.full(lay.part_file(receipt.part)), mode="r") as zipped:
        root = zarr.open_group(zipped, mode="r")
        frames, entries = root["slices/frame_index"][...], root["slices/source_entry"][...]
    assert (np.diff(frames.astype("i8")) > 0).all() and sorted(entries) == list(range(10)) and (np.diff(entries.astype("i8")) < 0).any()


def test_a_part_without_receipt_is_adopted_and_a_foreign_file_in_its_place_replaced(opened):
    plan, store, url = opened(L1)
    receipt = read_receipt(store, plan.parts[0].key) if work(0, url) else None
    file, note = Path(store.full(lay.part_file(receipt.part))), Path(store.full(lay.receipt_file(receipt.part)))
    good = file.read_bytes()
    note.unlink()
    assert work(0, url) and read_receipt(store, plan.parts[0].key).crc32c == receipt.crc32c and file.read_bytes() == good
    for damage in (b"torn", good[:-1] + b"x"):
        note.unlink()
        file.write_bytes(damage)
        assert work(0, url) and read_receipt(store, plan.parts[0].key).crc32c == receipt.crc32c and file.read_bytes() == good
    file.unlink()
    work(0, url)
    assert file.read_bytes() == good
    assert not list(Path(store.root).rglob("*.tmp"))


def test_an_input_that_changed_or_went_stops_the_part(opened):
    plan, store, url = opened(L1)
    path = Path(plan.inputs[0].url)
    content = path.read_bytes()
    path.write_bytes(content + b"x")
    with pytest.raises(InputChangedError, match=path.name):
        work(0, url)
    path.unlink()
    with pytest.raises(InputMissingError, match=path.name):
        work(0, url)
    assert not list(Path(store.root, "parts").rglob("*")) or not [p for p in Path(store.root, "parts").rglob("*") if p.is_file()]


def test_a_file_that_was_replaced_for_a_moment_is_no_bug_of_its_source(opened, monkeypatch, tmp_path):
    _, _, url = opened(L1)
    source, read = SOURCES.get("km3net_online"), SOURCES.get("km3net_online").read
    [other] = (str(f) for f in simulate(SimulationSpec(events=20, slow_control=False), tmp_path / "sea") if "raw" in f.name)
    monkeypatch.setattr(type(source), "read", lambda self, entry, *what: read(dataclasses.replace(entry, url=other), *what), raising=True)
    with pytest.raises(InputChangedError, match=r"does not hold what was planned .*found Unknown tree") as caught:
        work(0, url)
    assert classify(caught.value).value == "data"


@pytest.mark.parametrize("index", [-1, 10**6])
def test_a_part_that_is_not_in_the_plan_is_refused(opened, index):
    with pytest.raises(PlanError, match="No such part"):
        work(index, opened(L1)[2])


class Fragile:
    """The real source, but these entries cannot be read; each failure names a little more than the entry."""

    name, version = "fragile", "1"

    def __init__(self, bad, width=1, silent=False):
        self.real, self.bad, self.width, self.silent = SOURCES.get("km3net_online"), bad, width, silent

    def read(self, entry, tree, start, stop):
        for batch in self.real.read(entry, tree, start, stop):
            for i in range(batch.rows):
                n = start + i
                if n in self.bad:
                    first = n // self.width * self.width
                    where = {} if self.silent else {"start": first, "stop": first + self.width}
                    raise CorruptFileError("A basket is damaged", where=tree, **where)
                yield cut(batch, i, i + 1)
            start += batch.rows


@pytest.mark.parametrize(
    ("bad", "width", "kept"), [((), 1, 100), ((0,), 1, 99), ((7, 50, 99), 1, 97), ((7,), 10, 97), (tuple(range(100)), 1, 0)]
)
def test_what_is_intact_is_kept_and_what_is_not_is_counted(monkeypatch, bad, width, kept):
    url = data_path("online/KM3NeT_00000267_00025291_SN.root")
    entry = dataclasses.replace(SOURCES.get("km3net_online").describe(url), format="fragile")
    monkeypatch.setitem(SOURCES._loaded, "fragile", Fragile(set(bad), width))
    lost = []
    batches = list(intact_batches(entry, Range(0, "KM3NET_TIMESLICE_SN", 0, 100, 0), lost))
    rows = sum(b.rows for b in batches)
    assert rows == kept and rows + sum(q.stop - q.start for q in lost) == 100
    gone = {n for q in lost for n in range(q.start, q.stop)}
    if batches:
        whole = concatenate(batches)
        assert sorted(whole.tables["slices"]["source_entry"].tolist()) == [n for n in range(100) if n not in gone]
        real = concatenate(list(SOURCES.get("km3net_online").read(entry, "KM3NET_TIMESLICE_SN", 0, 100)))
        from antdask.model.ragged import take

        assert same(whole, take(real, whole.tables["slices"]["source_entry"].astype("i8")))


def test_a_failure_without_a_place_loses_what_was_asked_but_not_what_came_before(monkeypatch):
    entry = dataclasses.replace(
        SOURCES.get("km3net_online").describe(data_path("online/KM3NeT_00000267_00025291_SN.root")), format="fragile"
    )
    monkeypatch.setitem(SOURCES._loaded, "fragile", Fragile({40}, silent=True))
    lost = []
    rows = sum(b.rows for b in intact_batches(entry, Range(0, "KM3NET_TIMESLICE_SN", 0, 100, 0), lost))
    assert rows == 40 and [(q.start, q.stop) for q in lost] == [(40, 100)]


def test_a_part_keeps_the_contract_seen_from_outside(opened):
    plan, store, url = opened(UNSORTED)
    for part in plan.parts:
        work(part.index, url)
    files = sorted(Path(store.root).rglob("*.zarr.zip"))
    assert len(files) == len(plan.parts) and not [text for f in files for text in problems(f)]


def test_a_part_that_another_worker_signed_meanwhile_with_other_bytes_is_kept(opened, monkeypatch):
    plan, store, url = opened(L1)
    key = plan.parts[0].key
    work(0, url)
    path = lay.part_file(key.path)
    content = store.read(path) + b"x"
    theirs = dataclasses.replace(read_receipt(store, key), nbytes=len(content), crc32c=google_crc32c.value(content))
    store.remove(path)
    store.remove(lay.receipt_file(key.path))
    publish = Store.publish

    def late(self, draft, where):
        # The other, of another version of the compressor, comes between our look for a receipt and our publishing.
        if not self.exists(where):
            self.write_small(where, content)
            self.write_small(lay.receipt_file(key.path), theirs.to_json())
        return publish(self, draft, where)

    monkeypatch.setattr(Store, "publish", late)
    assert work(0, url) == theirs.brief()
    assert store.read(path) == content and read_receipt(store, key) == theirs


def test_what_is_corrupt_for_a_moment_only_is_a_fault_of_the_storage_and_not_lost(opened, monkeypatch):
    plan, store, url = opened(L1)
    source = type(SOURCES.get(plan.inputs[0].format))
    read, times = source.read, []

    def flip(self, entry, tree, start, stop):
        """A bit falls over on the first way from the disk."""
        if not times:
            times.append(1)
            raise CorruptFileError("A basket does not decompress", where=entry.name, start=start, stop=start + 1)
        return read(self, entry, tree, start, stop)

    monkeypatch.setattr(source, "read", flip)
    with pytest.raises(InputUnreadableError, match="reads otherwise a moment later") as caught:
        work(0, url)
    assert classify(caught.value) == "transient" and read_receipt(store, plan.parts[0].key) is None
    assert work(0, url).lost == 0


def test_a_worker_whose_draft_was_cleared_away_takes_what_a_quicker_one_signed(opened, monkeypatch):
    _, store, url = opened("online/km3net_online.root")
    finish, once = PartWriter.finish, []

    def late(self, draft):
        """A rival does the whole part meanwhile, and sweeps."""
        written = finish(self, draft)
        if not once:
            once.append(None)
            once[0] = work(0, url)
            assert store.sweep() == 1 and not draft.exists()
        return written

    monkeypatch.setattr(PartWriter, "finish", late)
    assert work(0, url) == once[0]
    assert len(list(receipts(store))) == 1


def test_a_draft_that_somebody_cleared_away_is_tried_again(opened, monkeypatch):
    _, _, url = opened("online/km3net_online.root")
    finish, once = PartWriter.finish, []

    def lose(self, draft):
        written = finish(self, draft)
        if not once:
            once.append(draft.unlink())
        return written

    monkeypatch.setattr(PartWriter, "finish", lose)
    with pytest.raises(DamagedPartError, match="cleared away while it was written") as caught:
        work(0, url)
    assert classify(caught.value) == "transient"
    assert work(0, url).rows > 0


def test_a_part_without_a_receipt_and_with_other_bytes_is_replaced(opened):
    plan, store, url = opened(L1)
    path = lay.part_file(plan.parts[0].key.path)
    store.write_small(path, b"torn by nobody who signed")
    receipt = work(0, url)
    assert store.size(path) == receipt.nbytes and store.holds(path, receipt.nbytes, read_receipt(store, plan.parts[0].key).crc32c)


def test_the_peak_of_memory_is_that_of_this_process_not_of_its_parent():
    import subprocess
    import sys

    held = b"x" * 300_000_000  # touched, so that it is resident
    code = "from antdask.convert.part import peak_memory; print(peak_memory())"
    child = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert peak_memory() > len(held) and child < 300_000_000


@pytest.mark.slow
def test_a_worker_takes_less_than_300_mb_whatever_the_size_of_a_part(tmp_path):
    peaks = []
    for events in (25_000, 100_000):
        files = simulate(SimulationSpec(events=events, dst=False, slow_control=False), tmp_path / f"{events}")
        plan = make_plan([str(f) for f in files], str(tmp_path / f"{events}" / "archive"))
        store = Store(plan.archive)
        open_campaign(store, plan)
        code = "import sys\nfrom antdask.convert.part import work\nfor i in range(3): print(work(i, sys.argv[1]).peak_memory)"
        command = [sys.executable, "-c", code, store.full_url(lay.plan_file(plan.id))]
        done = subprocess.run(command, env={**os.environ, **WORKER_ENVIRONMENT}, capture_output=True, text=True, check=True)
        peaks.append(max(map(int, done.stdout.split())))
    # The larger run has 170 MB in its part of events, and more compressed bytes than wait in memory.
    assert peaks[1] < 300e6 and peaks[1] < peaks[0] + 60e6


def test_a_worker_imports_no_compiler_and_no_tables():
    code = "import sys, antdask.convert.part; print(sorted({'numba', 'pandas', 'dask', 'awkward'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
