import pytest

import antdask
from antdask.archive.chunk_cache import shared
from antdask.errors import DamagedPartError, UsageError
from antdask.query.skipping import SkippedWarning
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive


@pytest.fixture
def torn(tmp_path):
    """Three parts: one whole, one gone, one with a damaged chunk."""
    shared().clear()
    entries = [Entry(random_batch("events", "km3net_online", 50, seed=i, mean=4.0), run=i) for i in (1, 2, 3)]
    archive = antdask.open_archive(write_archive(tmp_path / "archive", entries))
    _, gone, bad = sorted((tmp_path / "archive" / "parts").rglob("*.zip"))
    gone.unlink()
    place = next(a for a in archive.stream("events").index.row(2)["arrays"] if a["name"] == "events/n_hits")["offsets"][0]
    data = bytearray(bad.read_bytes())
    data[place + 20] ^= 1
    bad.write_bytes(bytes(data))
    return archive.stream("events"), entries


def test_the_rest_can_be_had_and_what_is_left_out_is_counted(torn):
    stream, entries = torn
    with pytest.raises(DamagedPartError):
        stream.to_awkward(["n_hits"])
    with pytest.warns(SkippedWarning, match="100 rows in 2 parts are left out") as caught:
        rows = stream.select(on_missing="skip").to_awkward(["n_hits"])
    assert rows.n_hits.tolist() == entries[0].batch.tables["events"]["n_hits"].tolist()
    assert caught[0].message.rows == 100 and [p.split("/")[3] for p in caught[0].message.reasons] == ["00000002", "00000003"]
    assert "missing" in next(iter(caught[0].message.reasons.values()))


def test_conditions_and_batches_skip_too(torn):
    stream, _ = torn
    with pytest.warns(SkippedWarning, match="2 parts"):
        assert stream.select(on_missing="skip", where="n_hits / 1 >= 0").count().rows == 50
    with pytest.warns(SkippedWarning, match="1 parts"):
        # The damage is in another column of the third part.
        assert sum(map(len, stream.select(on_missing="skip").iter_batches(["trigger_mask"]))) == 100
    assert stream.select(run=1, on_missing="skip").count().rows == 50


def test_the_mode_is_one_of_two(torn):
    with pytest.raises(UsageError, match="'raise' or 'skip'"):
        torn[0].select(on_missing="ignore")
