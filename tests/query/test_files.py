import pyarrow.parquet as pq
import pytest

from antdask.errors import DestinationError
from antdask.query.files import whole_file, whole_path


def test_a_file_is_there_when_it_is_whole(tmp_path):
    with pytest.raises(ValueError, match="stop"), whole_file(str(tmp_path / "a")) as file:
        file.write(b"x")
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []
    with whole_file(str(tmp_path / "a")) as file:
        file.write(b"x")
    assert (tmp_path / "a").read_bytes() == b"x"
    with pytest.raises(DestinationError), whole_file(str(tmp_path / "no" / "a")):
        pass


def test_a_library_that_opens_by_path_leaves_nothing_half_done(tmp_path):
    (tmp_path / "a").write_text("before")
    with pytest.raises(DestinationError, match="No such file"), whole_path(tmp_path / "a") as draft:
        draft.write_text("half")
        (tmp_path / "gone" / "b").write_text("fails")
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "before"
    with whole_path(tmp_path / "a") as draft:
        draft.write_text("after")
    assert (tmp_path / "a").read_text() == "after"


def test_a_selection_is_written_as_parquet(small, tmp_path):
    chosen = small.stream("events").select(run=7)
    rows = chosen.to_parquet(str(tmp_path / "run.parquet"), ["n_hits", "hits.triggered"])
    table = pq.read_table(tmp_path / "run.parquet")
    assert rows == table.num_rows == chosen.count().rows and table["n_hits"].to_pylist() == chosen.to_awkward(["n_hits"]).n_hits.tolist()


def test_a_device_or_pipe_is_written_as_it_is(tmp_path):
    import os
    import threading

    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with whole_file(str(tmp_path / "pipe")) as file:
        file.write(b"rows")
    reader.join()
    assert got == [b"rows"] and [p.name for p in tmp_path.iterdir()] == ["pipe"]
    with pytest.raises(DestinationError, match="No space left"), whole_file("/dev/full") as file:
        file.write(b"x" * 100_000)
