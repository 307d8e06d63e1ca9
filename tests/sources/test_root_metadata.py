"""Exceptions of uproot become damage; failures of the disk and errors of ours stay what they are."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.blob import Blob, BlobFile, open_blob
from antdask.sources.root_metadata import Metadata


@pytest.fixture
def metadata(tmp_path: Path) -> Metadata:
    (tmp_path / "x").write_bytes(b"0123456789")
    blob = open_blob(str(tmp_path / "x"))
    return Metadata(blob, BlobFile(blob))


def test_any_exception_becomes_damage_that_tells_what_was_read(metadata: Metadata) -> None:
    told = "The tree 't' of the file cannot be read: KeyError: 'fName'"
    with metadata.blob, pytest.raises(CorruptFileError, match=told) as caught, metadata.reading("tree 't'", "t"):
        raise KeyError("fName")
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.tree == "t"


def test_errors_of_ours_and_a_full_memory_pass(metadata: Metadata) -> None:
    for error in (UnknownLayoutError("no"), MemoryError()):
        with metadata.blob, pytest.raises(type(error)), metadata.reading("tree"):
            raise error


def test_a_failing_disk_is_not_damage(metadata: Metadata, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Blob, start: int, stop: int) -> memoryview:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Blob, "read", fail)
    with metadata.blob, pytest.raises(OSError, match="Input/output") as caught, metadata.reading("tree"):
        try:
            metadata.file.read(4)
        except OSError as error:
            raise ValueError("uproot says something else") from error
    assert caught.value.errno == errno.EIO
