import os
import socket

import google_crc32c

from antdask.archive.place import STALE_S, file_checksum, is_abandoned, is_temporary, temporary_path


def test_a_temporary_name_lies_beside_its_target_and_tells_who_made_it():
    name = temporary_path("parts/a/b.zip")
    assert name.startswith(f"parts/a/.b.zip.{socket.gethostname()}.{os.getpid()}.") and is_temporary(name)
    assert temporary_path("b").startswith(".b.") and temporary_path("x") != temporary_path("x")


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
