"""Archives in real stores answer as the local one does, and move few bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

import antdask
from antdask.archive.store import Store
from antdask.remote import client
from tests.servers.stores import REMOTE
from tests.servers.web import serve


def answers(url):
    archive = antdask.open_archive(url)
    chosen = archive.stream("events").select(where="n_hits > 100")
    found = chosen.select(detector="km3net-44").to_awkward(["run", "frame_index", "hits.tot", "hits.tdc"])
    assert len(found) > 0
    return archive.runs.to_dict(), chosen.count(), found.to_list()


@pytest.mark.parametrize("kind", REMOTE)
def test_an_archive_in_a_store_answers_as_the_local_one(archive, place, kind):
    here, there = Store(archive), Store(place(kind))
    for path in here.list():
        there.write_small(path, here.read(path))
    assert str(answers(there.url)) == str(answers(archive))


def test_an_archive_behind_a_web_server_answers_with_few_bytes(archive):
    with serve(Path(archive)) as web:
        opened = antdask.open_archive(web.url)
        catalogue = sum(n for p, n in Store(archive).sizes("catalogue").items())
        assert web.sent < catalogue + 10_000
        web.forget()
        stream = opened.stream("events")
        assert (
            stream.select(where="n_hits > 100").count()
            == antdask.open_archive(archive).stream("events").select(where="n_hits > 100").count()
        )
        assert web.sent < 0.1 * sum(Store(archive).sizes("parts").values())
        assert str(answers(web.url)) == str(answers(archive))
        client.forget()
