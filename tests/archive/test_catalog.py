import pytest

from antdask.archive import catalog, marker, snapshot
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.errors import ArchiveError


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "archive"))


def test_a_damaged_catalogue_says_how_to_mend_it(store):
    marker.create(store)
    name = snapshot.rebuild(store).snapshot
    store.write_small(f"catalogue/{name}/parts.parquet", b"PAR1")
    with pytest.raises(ArchiveError, match="rebuild"):
        catalog.load(store)
    store.write_small(lay.CURRENT, b"?")
    with pytest.raises(ArchiveError, match="rebuild"):
        catalog.load(store)


def test_a_damaged_catalogue_is_replaced_by_the_receipts(store):
    marker.create(store)
    snapshot.rebuild(store)
    store.write_small(lay.CURRENT, b"?")
    assert snapshot.current(store).parts.num_rows == 0
    snapshot.rebuild(store)
    assert catalog.load(store).parts.num_rows == 0
