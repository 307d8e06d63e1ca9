import os
import socket

import google_crc32c

from antdask.archive.local_place import LocalPlace
from antdask.archive.place import STALE_S, clock_of, file_checksum, is_abandoned, is_temporary, target_of, temporary_path


def test_a_temporary_name_lies_beside_its_target_and_tells_who_made_it():
    name = temporary_path("parts/a/b.zip")
    assert name.startswith(f"parts/a/.b.zip.{socket.gethostname()}.{os.getpid()}.") and is_temporary(name)
    assert temporary_path("b").startswith(".b.") and temporary_path("x") != temporary_path("x")


def test_the_target_of_a_temporary_name_is_known_for_what_workers_write():
    for path in ("parts/a/b.zarr.zip", "receipts/a/b.json", "b.json"):
        assert target_of(temporary_path(path)) == path
        assert target_of(temporary_path(path).replace(socket.gethostname(), "n17.site.example.org")) == path
    assert target_of(temporary_path("clock")) == target_of("parts/b.zarr.zip") == target_of(".odd.tmp") == ""


def test_the_clock_of_a_storage_is_its_own_and_leaves_nothing(tmp_path, monkeypatch):
    place = LocalPlace(str(tmp_path))
    before = (tmp_path / "x").write_text("") or (tmp_path / "x").stat().st_mtime
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert before <= clock_of(place) < before + 60
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_what_a_living_process_of_this_host_writes_is_not_abandoned_however_old():
    assert not is_abandoned(temporary_path("x"), 10 * STALE_S)


def test_what_another_host_writes_is_abandoned_after_a_day():
    foreign = ".x.elsewhere.1.0badcafe.tmp"
    assert is_abandoned(foreign, STALE_S + 1) and not is_abandoned(foreign, STALE_S - 1) and not is_abandoned(foreign, None)
    assert is_abandoned(".odd.tmp", STALE_S + 1)


def test_checksum_of_a_file_is_that_of_its_bytes(tmp_path):
    data = os.urandom(5 << 20)
    (tmp_path / "x").write_bytes(data)
    assert file_checksum(tmp_path / "x") == google_crc32c.value(data)
