import io
import subprocess
import zipfile

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.archive import stored_zip
from antdask.archive.stored_zip import StoredZip

NAMES = st.text("abcdefghijklmnopqrstuvwxyz/_.", min_size=1, max_size=30)


@given(st.dictionaries(NAMES, st.lists(st.binary(max_size=50), max_size=4), max_size=8))
def test_the_standard_library_reads_every_member(members):
    sink = io.BytesIO()
    writer = StoredZip(sink)
    places = {name: writer.add(name, pieces) for name, pieces in members.items()}
    writer.close()
    data = sink.getvalue()
    assert writer.nbytes == len(data) and writer.crc32c == google_crc32c.value(data)
    with zipfile.ZipFile(sink) as file:
        assert file.testzip() is None and file.namelist() == list(members)
        for name, pieces in members.items():
            content = b"".join(pieces)
            assert file.read(name) == content == data[places[name] : places[name] + len(content)]
            assert file.getinfo(name).date_time == (1980, 1, 1, 0, 0, 0) and file.getinfo(name).compress_type == zipfile.ZIP_STORED


def test_numbers_that_need_64_bits_get_them(monkeypatch, tmp_path):
    # The limits are lowered, so that a small file takes the same branches as one of 4 GiB.
    monkeypatch.setattr(stored_zip, "_MAX32", 60)
    sink = io.BytesIO()
    writer = StoredZip(sink)
    writer.add("a", [b"x" * 40])
    writer.add("b", [b"y" * 40])
    with pytest.raises(ValueError, match="60 bytes"):
        writer.add("c", [b"z" * 60])
    writer.close()
    data = sink.getvalue()
    assert b"PK\x06\x06" in data and b"PK\x06\x07" in data
    # Readers look at the 64-bit fields only where the short ones are all ones: put the real limit back in their place.
    end, directory = data.rindex(b"PK\x05\x06"), data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", directory + 4)
    patched = bytearray(data)
    patched[second + 42 : second + 46] = b"\xff" * 4
    patched[end + 16 : end + 20] = b"\xff" * 4
    with zipfile.ZipFile(io.BytesIO(patched)) as file:
        assert file.read("a") == b"x" * 40 and file.read("b") == b"y" * 40


@pytest.mark.slow
def test_a_part_beyond_4_gib_is_read_by_others(tmp_path):
    path = tmp_path / "big.zip"

    class Sparse:
        """Skips what is all zeros, so that the file takes no space."""

        def __init__(self, file):
            self.file = file

        def write(self, data):
            self.file.seek(len(data), 1) if not any(data[:64]) and len(data) > 1000 else self.file.write(data)

    zeros = bytes(1 << 28)
    with path.open("wb") as file:
        writer = StoredZip(Sparse(file))
        for i in range(17):
            writer.add(f"zeros/{i}", [zeros])
        writer.add("last", [b"here"])
        writer.close()
    assert path.stat().st_size > 2**32
    with zipfile.ZipFile(path) as file:
        assert file.read("last") == b"here" and len(file.namelist()) == 18
    listing = subprocess.run(["python3", "-m", "zipfile", "-l", path], capture_output=True, text=True, check=True).stdout
    assert "last" in listing
