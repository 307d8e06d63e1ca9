"""Stage-in: copies are checked, kept while there is room, and gone with their process; what is archived is the same to the byte."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from antdask.archive import ledger
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert import staging
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.convert.staging import Stage
from antdask.errors import InputChangedError
from antdask.plan import FileEntry
from antdask.settings import load
from antdask.sources import SOURCES
from tests.servers.web import serve

NAMES = ("km3net_online.root", "antares.h5")
SETTINGS = load(part_bytes=200_000)


@pytest.fixture
def entries(real_files: dict[str, str], tmp_path: Path) -> tuple[FileEntry, ...]:
    for name in NAMES:
        shutil.copy(real_files[name], tmp_path / name)
    return make_plan([str(tmp_path / name) for name in NAMES], str(tmp_path / "a"), SETTINGS).inputs


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def files(place: Path) -> list[str]:
    return sorted(p.name for p in place.rglob("*") if p.is_file())


def free(monkeypatch: pytest.MonkeyPatch, place: Path, room: int) -> None:
    """Scratch of so many bytes, of which what lies there is taken."""
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(
        staging.shutil, "disk_usage", lambda _: usage(room - sum(p.stat().st_size for p in place.rglob("*") if p.is_file()))
    )


def test_copies_are_read_in_place_of_their_originals_and_made_once(entries: tuple[FileEntry, ...], place: Path) -> None:
    stage = Stage(str(place), reserve=0)
    copies = stage.fetch(entries)
    for copy, entry in zip(copies, entries, strict=True):
        assert copy.url.startswith(f"{place}/antdask-stage-{os.getpid()}-") and copy.name == entry.name
        assert Path(copy.url).read_bytes() == Path(entry.url).read_bytes() and dataclasses.replace(copy, url=entry.url) == entry
    stamps = [os.stat(c.url).st_mtime_ns for c in copies]
    assert stage.fetch(entries) == copies and [os.stat(c.url).st_mtime_ns for c in copies] == stamps


def test_the_copy_that_was_used_longest_ago_goes_when_room_is_needed(
    entries: tuple[FileEntry, ...], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = entries
    free(monkeypatch, place, max(first.nbytes, second.nbytes) + 1000)
    stage = Stage(str(place), reserve=900)
    assert stage.fetch([first]) != [first] and files(place) == [first.name]
    assert stage.fetch([second]) != [second] and files(place) == [second.name]
    # One part needs both: there is no room for the other, which is read where it lies.
    found = stage.fetch([second, first])
    assert found[0] != second and found[1] == first and files(place) == [second.name]


def test_a_disk_that_others_fill_meanwhile_is_no_failure(
    entries: tuple[FileEntry, ...], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, blob = Stage(str(place), reserve=0), staging.open_blob

    def full(url: str) -> Any:
        if url == entries[0].url:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return blob(url)

    monkeypatch.setattr(staging, "open_blob", full)
    found = stage.fetch(entries)
    assert found[0] == entries[0] and found[1] != entries[1] and files(place) == [entries[1].name]


def test_another_file_in_the_place_of_the_planned_one_is_refused(entries: tuple[FileEntry, ...], place: Path) -> None:
    with Path(entries[0].url).open("r+b") as file:
        file.seek(-10, os.SEEK_END)
        file.write(b"0123456789")
    with pytest.raises(InputChangedError, match=entries[0].name):
        Stage(str(place), reserve=0).fetch(entries)
    assert files(place) == []


def test_copies_go_with_their_process_and_those_of_the_dead_with_the_next(entries: tuple[FileEntry, ...], place: Path) -> None:
    code = """
import os, sys
from antdask.convert.staging import Stage
stage = Stage(sys.argv[1], reserve=0)
(stage.folder / "copy").touch()
if len(sys.argv) > 2:
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code, str(place)], check=True)
    assert list(place.iterdir()) == []
    subprocess.run([sys.executable, "-c", code, str(place), "killed"], check=False)
    assert files(place) == ["copy"]
    mine = Stage(str(place), reserve=0)
    assert list(place.iterdir()) == [mine.folder]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["path", "http"])
def test_a_campaign_with_stage_in_archives_the_same_and_leaves_nothing(
    kind: str, entries: tuple[FileEntry, ...], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(tmp_path) as server:
        urls = [e.url if kind == "path" else f"{server.url}/{e.name}" for e in entries]
        plans = [make_plan(urls, str(tmp_path / name), SETTINGS) for name in ("direct", "staged")]
        with make_cluster("serial") as cluster:
            assert convert(plans[0], cluster, SETTINGS).exit_code == 0
        monkeypatch.setattr("tempfile.tempdir", None)
        monkeypatch.setenv("TMPDIR", str(place))
        monkeypatch.setenv("ANTDASK_STAGE_IN", "true")
        monkeypatch.setattr(staging, "RESERVE", 0)
        with make_cluster("processes", 2) as cluster:
            assert convert(plans[1], cluster, SETTINGS).exit_code == 0
    direct, staged = (
        {str(p.relative_to(plan.archive)): p.read_bytes() for p in Path(plan.archive, "parts").rglob("*.zip")} for plan in plans
    )
    assert direct == staged
    assert [r.inputs for r in ledger.receipts(Store(plans[0].archive))] == [r.inputs for r in ledger.receipts(Store(plans[1].archive))]
    assert files(place) == []


def test_each_input_is_copied_once_for_all_its_parts(
    entries: tuple[FileEntry, ...], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, copied, copy = Stage(str(place), reserve=0), [], Stage._copy

    def note(self: Stage, entry: FileEntry) -> None:
        copied.append(entry.name)
        copy(self, entry)

    monkeypatch.setattr(Stage, "_copy", note)
    monkeypatch.setattr("antdask.convert.material.stage", lambda: stage)
    monkeypatch.setenv("ANTDASK_STAGE_IN", "true")
    with make_cluster("serial") as cluster:
        assert convert(make_plan([e.url for e in entries], str(tmp_path / "b"), SETTINGS), cluster, SETTINGS).parts_done > 5
    assert sorted(copied) == sorted(NAMES)


def test_sources_are_told_of_the_copy(entries: tuple[FileEntry, ...], place: Path) -> None:
    [copy] = Stage(str(place), reserve=0).fetch(entries[1:])
    Path(entries[1].url).unlink()
    [batch] = SOURCES.get(copy.format).read(copy, copy.segments[0].tree, 0, 10)
    assert batch.rows == 10
