import pytest

from antdask.archive.catalog import load
from antdask.archive.store import Store
from antdask.errors import ArchiveError, DestinationError, NotAnArchiveError
from tests.servers.web import serve


@pytest.fixture
def web(archive):
    from pathlib import Path

    with serve(Path(archive)) as web:
        yield web


def test_an_archive_behind_a_web_server_opens_and_reads_as_it_does_locally(web, archive):
    there, here = Store(web.url), Store(archive)
    assert load(there).parts.equals(load(here).parts)
    part = here.list("parts")[0]
    assert (
        there.read(part) == here.read(part) and there.read(part, 10, 50) == here.read(part, 10, 50) and there.size(part) == here.size(part)
    )
    assert there.holds(part, here.size(part), here.checksum(part)) and not there.holds(part, 1, 2)
    with there.open(part) as f:
        f.seek(-10, 2)
        assert f.read() == here.read(part)[-10:]


def test_every_write_is_refused_with_a_way_out(web, tmp_path):
    store = Store(web.url)
    (tmp_path / "d").write_bytes(b"")
    for write in (
        lambda: store.write_small("x", b""),
        lambda: store.publish(tmp_path / "d", "x"),
        lambda: store.remove("x"),
        lambda: store.prune("x"),
    ):
        with pytest.raises(DestinationError, match="can only be read; write to dav"):
            write()
    assert store.sweep() == 0


def test_a_server_without_listing_says_what_works_without(web):
    with pytest.raises(ArchiveError, match="lists no files"):
        Store(web.url).list("parts")


def test_a_server_that_ignores_ranges_is_refused_for_ranges(web, archive):
    web.ranges = False
    part = Store(archive).list("parts")[0]
    with pytest.raises(ArchiveError, match="ignores ranges"):
        Store(web.url).read(part, 10, 50)
    assert Store(web.url).read(part) == Store(archive).read(part)


def test_where_no_archive_is_none_is_found(web):
    with pytest.raises(NotAnArchiveError):
        load(Store(f"{web.url}/nowhere"))
