import os
import shutil
from pathlib import Path

import pytest

from antdask.convert import scan, scan_cache
from antdask.convert.scan import make_plan
from antdask.convert.scan_cache import ScanCache
from antdask.settings import load
from antdask.sources import describe_all, describe_each


@pytest.fixture
def files(real_files, tmp_path):
    return [str(shutil.copy(real_files[n], tmp_path / n)) for n in ("antares.h5", "KM3NeT_00000133_JDAQEvent.root")]


@pytest.fixture
def looked(monkeypatch):
    """Files that were looked at."""
    seen = []
    monkeypatch.setattr(scan, "describe_each", lambda url, like: seen.append(Path(url).name) or describe_each(url, like))
    return seen


def test_a_second_plan_looks_at_no_file_and_is_the_same(files, tmp_path, looked):
    settings = load(scan_cache=str(tmp_path / "cache"))
    first = make_plan(files, str(tmp_path / "a"), settings)
    assert looked == [Path(f).name for f in files]
    assert make_plan(files, str(tmp_path / "a"), settings) == first and len(looked) == 2
    assert make_plan(files, str(tmp_path / "a")) == first and len(looked) == 4


def test_what_changed_and_what_could_not_be_described_is_looked_at_again(files, tmp_path, looked):
    settings = load(scan_cache=str(tmp_path / "cache"))
    (tmp_path / "bad.root").write_bytes(b"root" + bytes(100))
    everything = [*files, str(tmp_path / "bad.root")]
    make_plan(everything, str(tmp_path / "a"), settings)
    looked.clear()
    os.utime(files[0], (1, 1))
    Path(files[1]).write_bytes(Path(files[1]).read_bytes() + bytes(8))
    plan = make_plan(everything, str(tmp_path / "a"), settings)
    assert sorted(looked) == sorted(Path(f).name for f in everything) and len(plan.rejected) == 1
    assert plan == make_plan(everything, str(tmp_path / "a"))


def test_another_version_of_a_reader_looks_again(files, tmp_path, looked, monkeypatch):
    settings = load(scan_cache=str(tmp_path / "cache"))
    make_plan(files, str(tmp_path / "a"), settings)
    monkeypatch.setattr(scan_cache, "_readers", lambda: "others")
    make_plan(files, str(tmp_path / "a"), settings)
    assert len(looked) == 4


def test_files_of_a_cache_are_drawn_together(files, tmp_path):
    folder = tmp_path / "cache"
    entries = describe_all(files[0])
    for n in range(12):
        cache = ScanCache(str(folder))
        os.utime(files[0], ns=(n + 1, n + 1))
        cache.keep(describe_all(files[0]))
        assert cache.save() == 1 and cache.save() == 0
        assert len(list(folder.iterdir())) <= 8 + 1
        found = ScanCache(str(folder)).find(files[0])
        assert found is not None and found[0].segments == entries[0].segments and found[0].mtime_ns == n + 1
    assert len(list(folder.iterdir())) < 8


def test_a_torn_cache_is_no_harm(files, tmp_path):
    folder = tmp_path / "cache"
    settings = load(scan_cache=str(folder))
    first = make_plan(files, str(tmp_path / "a"), settings)
    for data in (b"", b"\x1f\x8b123", b"hello"):
        for file in folder.iterdir():
            file.write_bytes(data)
        assert make_plan(files, str(tmp_path / "a"), settings) == first


def test_a_file_without_a_time_is_not_remembered(files, tmp_path):
    import dataclasses

    cache = ScanCache(str(tmp_path / "cache"))
    cache.keep([dataclasses.replace(e, mtime_ns=0) for e in describe_all(files[0])])
    assert cache.save() == 0 and cache.find(str(tmp_path / "none.root")) is None
