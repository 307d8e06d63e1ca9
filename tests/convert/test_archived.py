import dataclasses
from pathlib import Path

import pytest

from antdask.archive import catalog
from antdask.archive import layout as lay
from antdask.archive.ledger import Receipt
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert import campaign, scan
from antdask.convert.archived import SOURCE, entry_of, place_of
from antdask.convert.verify import read_plainly
from antdask.errors import DamagedPartError, InputError, UsageError
from antdask.model.ragged import concatenate
from tests.batches import same


@pytest.fixture(scope="module")
def made(real_files, tmp_path_factory):
    """An archive of events of ANTARES and of KM3NeT, in small parts."""
    from antdask.settings import load

    url = str(tmp_path_factory.mktemp("archived") / "a")
    plan = scan.make_plan([real_files["antares.h5"], real_files["muon_cc_daqevents.root"]], url, load(part_bytes=200_000))
    with make_cluster("serial") as cluster:
        campaign.convert(plan, cluster)
    return Store(url)


def rows(store, stream):
    return [r for r in catalog.load(store).parts.to_pylist() if r["stream"] == stream]


@pytest.mark.parametrize("stream", ["events", "reco"])
def test_every_value_of_a_part_is_read_as_plain_zarr_reads_it(made, stream):
    for row in rows(made, stream):
        entry = entry_of(made, row)
        receipt = SOURCE.receipt(entry)
        batches = list(SOURCE.read(entry, entry.segments[0].tree, 0, row["rows"]))
        assert same(concatenate(batches), read_plainly(made, receipt))


def test_batches_are_cut_to_their_size(made, monkeypatch):
    row = max(rows(made, "events"), key=lambda r: r["bytes_in"])
    entry = entry_of(made, row)
    whole = list(SOURCE.read(entry, "events", 0, row["rows"]))
    monkeypatch.setattr("antdask.convert.archived.BATCH_BYTES", 20_000)
    pieces = list(SOURCE.read(entry, "events", 0, row["rows"]))
    assert len(whole) == 1 and len(pieces) > 3
    assert same(concatenate(pieces), whole[0])


def test_a_row_of_the_catalogue_describes_the_part_as_the_part_does(made):
    row = rows(made, "events")[0]
    mine, own = entry_of(made, row), SOURCE.describe(made.full(lay.part_file(row["part"])))
    for name in ("url", "format", "layout", "origin", "nbytes"):
        assert getattr(mine, name) == getattr(own, name)
    strip = [dataclasses.replace(s, nbytes=0) for s in (*mine.segments, *own.segments)]
    assert strip[0] == strip[1]


def test_a_part_that_went_or_changed_is_noticed(made, tmp_path):
    import shutil

    store = Store(shutil.copytree(made.root, tmp_path / "copy"))
    row = rows(store, "events")[0]
    entry = entry_of(store, row)
    SOURCE.check(entry)
    with pytest.raises(DamagedPartError, match="not the one that was planned"):
        SOURCE.check(dataclasses.replace(entry, uuid="00000000"))
    file = Path(store.full(lay.part_file(row["part"])))
    data = file.read_bytes()
    file.write_bytes(data[:-1])
    with pytest.raises(DamagedPartError, match="not the one that was planned"):
        SOURCE.check(entry)
    with pytest.raises(DamagedPartError):
        list(SOURCE.read(entry, "events", 0, 1))
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    file.write_bytes(flipped)
    with pytest.raises(DamagedPartError):
        list(SOURCE.read(entry, "events", 0, row["rows"]))
    store.remove(lay.receipt_file(row["part"]))
    with pytest.raises(DamagedPartError, match="left its archive"):
        SOURCE.check(entry)


def test_a_part_of_another_schema_is_refused_by_name(made, monkeypatch):
    row = rows(made, "reco")[0]
    entry = dataclasses.replace(entry_of(made, row), origin="km3net_online")
    with pytest.raises(InputError, match="another schema"):
        list(SOURCE.read(entry, "tracks", 0, 1))


@pytest.mark.parametrize("url", ["/a/b.zarr.zip", "/a/parts/antares/events/x/1/0000-y.json", "antares/events/x/1/0000-y.zarr.zip"])
def test_what_lies_in_no_archive_has_no_place(url):
    with pytest.raises(UsageError, match="archive"):
        place_of(url)


def test_a_receipt_is_that_of_the_part(made):
    row = rows(made, "events")[0]
    assert isinstance(SOURCE.receipt(entry_of(made, row)), Receipt)
    assert SOURCE.receipt(entry_of(made, row)).part == row["part"]
