"""Rows of HDF5 tables: what is read, and how damage is told apart from absence."""

from __future__ import annotations

import errno
from pathlib import Path

import fsspec
import h5py
import numpy as np
import pytest

from antdask.errors import CorruptFileError, InputMissingError, InputUnreadableError, UnknownLayoutError
from antdask.sources.hdf5_table import Table, damage, dataset_names, opened

ROWS = np.zeros(100, [("a", ">i4"), ("b", ">f8")])
ROWS["a"], ROWS["b"] = np.arange(100), np.arange(100) / 8
DTYPES = {"a": np.dtype("i4"), "b": np.dtype("f8")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the same rows in chunks and in one piece."""
    path = tmp_path / "rows.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("chunked", data=ROWS, chunks=(16,), compression="gzip")
        file.create_dataset("group/plain", data=ROWS)
        file.create_dataset("matrix", data=np.zeros((2, 2)))
    return path


@pytest.mark.parametrize("name", ["chunked", "group/plain"])
def test_blocks_come_one_after_the_other(path: Path, name: str) -> None:
    with opened(str(path)) as file:
        table = Table.find(file, name, str(path))
        columns = table.blocks(np.array([90, 3, 5, 7]), np.array([95, 5, 9, 7]), DTYPES)
    assert columns["a"].tolist() == [*range(90, 95), *range(3, 9)]
    assert columns["b"].tolist() == [n / 8 for n in columns["a"]]
    assert (len(table), columns["b"].dtype) == (100, np.dtype("f8"))


def test_names_are_found_at_any_depth(path: Path) -> None:
    with opened(str(path)) as file:
        assert dataset_names(file) == ["chunked", "group/plain", "matrix"]


@pytest.mark.parametrize(
    ("name", "words"), [("chonked", "'chonked' is missing.*chunked, group/plain"), ("matrix", "not a table"), ("group", "not a table")]
)
def test_what_is_no_table_is_refused(path: Path, name: str, words: str) -> None:
    with opened(str(path)) as file, pytest.raises(UnknownLayoutError, match=words):
        Table.find(file, name, str(path))


def test_a_spoilt_chunk_is_named_and_its_neighbours_are_read(path: Path) -> None:
    with h5py.File(path) as file:
        info = file["chunked"].id.get_chunk_info(2)
    with path.open("r+b") as raw:
        raw.seek(info.byte_offset)
        raw.write(b"\x00" * info.size)
    with opened(str(path)) as file:
        table = Table.find(file, "chunked", str(path))
        assert table.rows(0, 32)["a"].tolist() == list(range(32))
        assert table.rows(48, 100)["a"].tolist() == list(range(48, 100))
        with pytest.raises(CorruptFileError, match=r"Rows 32:48 of 'chunked' cannot be read.*filter returned failure") as caught:
            table.rows(40, 60)
    assert (caught.value.tree, caught.value.start, caught.value.stop) == ("chunked", 32, 48)


def test_rows_that_were_never_written_are_no_zeros(tmp_path: Path) -> None:
    path = tmp_path / "sparse.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("t", shape=(100,), dtype=ROWS.dtype, chunks=(16,))[20:30] = ROWS[:10]
    with opened(str(path)) as file:
        table = Table.find(file, "t", str(path))
        assert table.rows(20, 30)["a"].tolist() == list(range(10))
        with pytest.raises(CorruptFileError, match="does not hold") as caught:
            table.rows(16, 90)
    assert (caught.value.start, caught.value.stop) == (32, 96)


def test_a_table_in_one_piece_that_was_never_written_is_no_zeros(tmp_path: Path) -> None:
    path = tmp_path / "sparse.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("t", shape=(3,), dtype=ROWS.dtype)
        file.create_dataset("room", data=np.zeros(100))
    with opened(str(path)) as file, pytest.raises(CorruptFileError, match="does not hold"):
        Table.find(file, "t", str(path)).rows(0, 3)


def test_more_rows_than_the_file_can_hold_are_not_allocated(tmp_path: Path) -> None:
    path = tmp_path / "boast.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("t", shape=(2**50,), dtype=ROWS.dtype, chunks=(16,))
        file.create_dataset("wide", shape=(2**24,), dtype=ROWS.dtype, chunks=(2**24,), compression="gzip")
        file["wide"].id.write_direct_chunk((0,), b"short")
    with opened(str(path)) as file:
        for name in ("t", "wide"):
            with pytest.raises(CorruptFileError, match="more rows than the file can hold"):
                Table.find(file, name, str(path))


def test_opening_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError), opened(str(tmp_path / "none.h5")):
        pass
    text = tmp_path / "text.h5"
    text.write_text("no HDF5")
    with pytest.raises(CorruptFileError, match="signature not found"), opened(str(text)):
        pass


def test_a_file_that_may_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(InputUnreadableError, match=r"rows\.h5"), opened(str(path)):
        pass


def test_a_remote_file_reads_like_a_local_one(path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/rows.h5", path.read_bytes())
    with opened("memory://rows.h5") as file:
        assert Table.find(file, "chunked", "memory://rows.h5").rows(10, 40)["a"].tolist() == list(range(10, 40))


def test_failures_of_the_disk_are_no_damage() -> None:
    with pytest.raises(OSError, match="stale") as caught, damage("file"):
        raise OSError(errno.ESTALE, "stale")
    assert not isinstance(caught.value, CorruptFileError)
    with pytest.raises(CorruptFileError, match="found bad heap"), damage("file"):
        raise RuntimeError("bad   heap")


def test_bugs_behind_an_open_file_stay_bugs(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), opened(str(path)):
        _ = 1 / 0
    with pytest.raises(ValueError, match="a bug") as caught, opened(str(path)):
        raise ValueError("a bug")
    assert not isinstance(caught.value, CorruptFileError)


def test_attributes_are_plain(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["chunked"].attrs.update({"text": np.bytes_(b"pe"), "one": np.array([3], "i1"), "word": "ns"})
    with opened(str(path)) as file:
        assert Table.find(file, "chunked", str(path)).attributes() == {"text": "pe", "one": 3, "word": "ns"}


@pytest.mark.parametrize("offset", range(0, 20, 3))
def test_numbers_of_a_form_that_no_program_writes_are_not_converted(tmp_path: Path, offset: int) -> None:
    """A float of which one property was changed: HDF5 would convert it bit by bit, and may write beyond its buffer."""
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as file:
        kind = h5py.h5t.IEEE_F64LE.copy()
        kind.set_fields(63, 52, 11, 0, 52 - offset) if offset else kind.set_ebias(1000)
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(file.id, b"odd", kind, space)
    with opened(str(path)) as file, pytest.raises(CorruptFileError, match="of a form that no program writes"):
        Table.find(file, "odd", str(path), compound=False)


def test_a_byte_order_that_changed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "mixed.h5"
    with h5py.File(path, "w") as file:
        file["t"] = np.zeros(3, [("a", "<i4"), ("b", "<u1"), ("c", ">i8")])
    with opened(str(path)) as file, pytest.raises(CorruptFileError, match="both byte orders"):
        Table.find(file, "t", str(path))


def test_a_chunk_at_the_very_front_of_the_file_is_none(tmp_path: Path) -> None:
    """HDF5 gives zeros for it, whatever stands there."""
    path = tmp_path / "lost.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("t", data=ROWS, chunks=(64,))
    with h5py.File(path) as file:
        place = file["t"].id.get_chunk_info(1).byte_offset.to_bytes(8, "little")
    data = path.read_bytes()
    assert data.count(place) == 1
    path.write_bytes(data.replace(place, bytes(8)))
    with opened(str(path)) as file:
        table = Table.find(file, "t", str(path))
        assert table.rows(0, 64)["a"].tolist() == list(range(64))
        with pytest.raises(CorruptFileError, match="does not hold") as caught:
            table.rows(10, 90)
    assert (caught.value.start, caught.value.stop) == (64, 100)


def test_a_single_column_is_a_table_of_one(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.create_dataset("column", data=np.arange(50, dtype="<i8"), chunks=(16,), compression="gzip", fletcher32=True)
    with opened(str(path)) as file:
        table = Table.find(file, "column", str(path), compound=False)
        assert table.rows(10, 40).tolist() == list(range(10, 40))
        assert table.rows(45, None).tolist() == [45, 46, 47, 48, 49]
        with pytest.raises(UnknownLayoutError, match="is not a table"):
            Table.find(file, "column", str(path))


def test_a_filter_that_is_not_known_is_named(tmp_path: Path) -> None:
    path = tmp_path / "filtered.h5"
    with h5py.File(path, "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((10,))
        properties.set_filter(305, h5py.h5z.FLAG_OPTIONAL)
        h5py.h5d.create(file.id, b"lzo", h5py.h5t.STD_I32LE, h5py.h5s.create_simple((10,)), properties)
    with opened(str(path)) as file, pytest.raises(UnknownLayoutError, match=r"filter that is not known.*found filter 305 of HDF5"):
        Table.find(file, "lzo", str(path), compound=False)


def test_a_place_that_no_file_can_have_is_damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    # The highest byte of the address of the driver, in the superblock: HDF5 goes there.
    data[55] = 0x68
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptFileError, match="Invalid argument"), opened(str(path)):
        pass
