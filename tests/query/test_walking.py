"""Pieces come in order, each block once; damage is an error or counted."""

import numpy as np
import pytest

import antdask
from antdask.errors import DamagedPartError
from antdask.query.skipping import SkippedWarning
from antdask.query.walking import over_pieces
from tests.query.archives import write_archive


def test_pieces_come_in_the_order_of_the_scan(long, long_batch):
    scan = long.stream("events").select(where="n_hits > 2").scan
    found = list(over_pieces(scan, long.url, "raise", lambda piece: piece.column("events", "frame_index")))
    table = long_batch.tables["events"]
    assert len(found) == 3 and (np.concatenate(found) == table["frame_index"][table["n_hits"] > 2]).all()


def test_what_is_missing_is_counted_where_that_is_wished(small_entries, tmp_path):
    url = write_archive(tmp_path / "archive", small_entries[:3])
    sorted((tmp_path / "archive" / "parts").rglob("*.zip"))[0].unlink()
    scan = antdask.open_archive(url).stream("events").scan
    with pytest.raises(DamagedPartError):
        list(over_pieces(scan, url, "raise", lambda piece: piece.column("events", "n_hits")))
    with pytest.warns(SkippedWarning) as told:
        rows = sum(over_pieces(scan, url, "skip", lambda piece: len(piece.column("events", "n_hits"))))
    assert rows + told[0].message.rows == 270 and len(told[0].message.reasons) == 1
