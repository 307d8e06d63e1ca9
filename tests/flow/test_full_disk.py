"""Real file systems that are full, read-only, or over quota: the campaign stops, shows nothing half, and goes on where it stopped."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from km3net_testdata import data_path

from antdask.archive import writer
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.cluster.failures import classify
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.convert.status import status
from antdask.convert.verify import verify
from antdask.errors import DestinationError
from antdask.settings import load
from tests.servers import daemon

FILE = data_path("online/km3net_online.root")
SETTINGS = load(part_bytes=300_000)


def run(url: str, kind: str = "serial"):
    with make_cluster(kind, None if kind == "serial" else 2) as cluster:
        return convert(make_plan([FILE], url, SETTINGS), cluster, SETTINGS)


def content(url: str) -> dict[str, bytes]:
    store = Store(url)
    return {p: store.read(p) for p in store.list("parts")}


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    url = str(tmp_path_factory.mktemp("wanted") / "a")
    run(url)
    return content(url)


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[Path]:
    """A file system in memory of its own."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


@pytest.mark.parametrize("kind", ["serial", "processes"])
@pytest.mark.parametrize("filled", [0.2, 0.5, 0.8])
def test_a_full_disk_stops_the_campaign_and_space_lets_it_go_on(tmp_path, wanted, kind, filled):
    whole = sum(map(len, wanted.values()))
    with mounted(tmp_path / "disk", f"size={int(whole * filled)}") as disk:
        url = str(disk / "a")
        try:
            # The catalogue may still fit, when the part that did not left its place.
            summary = run(url, kind)
            assert summary.exit_code == 4 and "No space left" in summary.stopped
            assert {f["kind"] for f in summary.failures} == {"destination"} and summary.quarantined == 0
        except DestinationError as error:
            assert error.errno == errno.ENOSPC and error.exit_code == 3 and classify(error) == "destination"
        seen = content(url)
        assert all(seen[name] == wanted[name] for name in seen) and len(seen) < len(wanted)
        assert not list(disk.rglob("*.tmp"))
        remount(disk, "size=64m")
        summary = run(url)
        # Nothing that was signed is done again.
        assert summary.exit_code == 0 and summary.quarantined == 0 and content(url) == wanted
        assert status(url).exit_code == 0 and verify(url, "deep", make_cluster("serial")).problems == []


def test_a_disk_without_inodes_is_full_too(tmp_path, wanted):
    with mounted(tmp_path / "disk", "size=64m,nr_inodes=40") as disk:
        url = str(disk / "a")
        with contextlib.suppress(DestinationError):
            assert run(url).exit_code == 4
        assert len(content(url)) < len(wanted)
        remount(disk, "nr_inodes=4000")
        assert run(url).exit_code == 0 and content(url) == wanted


def test_a_disk_that_becomes_read_only_stops_the_campaign_at_once(tmp_path, wanted):
    with mounted(tmp_path / "disk", "size=64m") as disk:
        url = str(disk / "a")
        plan = make_plan([FILE], url, SETTINGS)
        made = []

        def progress(event):
            made.append(event.kind)
            if event.done == 2 and event.kind == "done":
                remount(disk, "ro")

        with pytest.raises(DestinationError, match="Read-only file system") as caught:
            convert(plan, make_cluster("serial"), SETTINGS, progress)
        assert caught.value.errno == errno.EROFS and made.count("done") == 2 and made.count("failed") == 1
        with pytest.raises(DestinationError, match="Read-only"):
            run(url)
        remount(disk, "rw")
        summary = run(url)
        assert (summary.exit_code, summary.parts_skipped) == (0, 2) and content(url) == wanted


def test_a_folder_that_may_not_be_written_is_a_destination_error(tmp_path):
    (tmp_path / "a").mkdir(mode=0o555)
    # The permissions bind everyone but the superuser.
    code = f"""
import os
from antdask.archive.marker import create
from antdask.archive.store import Store
from antdask.errors import DestinationError
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    create(Store({str(tmp_path / "a")!r}))
except DestinationError as error:
    print(error.errno, error)
"""
    import sys

    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert answer.startswith(str(errno.EACCES)) and "Permission denied" in answer and "permissions" in answer


def test_full_scratch_is_told_from_a_full_destination(tmp_path, wanted, place, monkeypatch):
    url = place("ceph")
    for memory in (writer.MEMORY, 1):
        with mounted(tmp_path / f"scratch{memory}", "size=64k") as scratch, monkeypatch.context() as m:
            m.setattr("tempfile.tempdir", str(scratch))
            m.setattr(writer, "MEMORY", memory)
            summary = run(url)
            assert (
                summary.exit_code == 4
                and "scratch space cannot be written: No space left" in summary.stopped
                and "TMPDIR" in summary.stopped
            )
            assert {f["kind"] for f in summary.failures} == {"destination"} and summary.quarantined == 0 and not os.listdir(scratch)
    seen = content(url)
    assert all(seen[name] == wanted[name] for name in seen) and len(seen) < len(wanted)
    assert run(url).exit_code == 0 and content(url) == wanted


@contextlib.contextmanager
def with_quota(folder: Path) -> Iterator[Path]:
    """A file system in a file, with a subvolume that has a quota: btrfs is the one whose quotas bind the superuser too, and which every kernel with it can do."""
    daemon.need_packages("btrfs-progs")
    image, place = folder / "image", folder / "disk"
    with image.open("wb") as file:
        file.truncate(128 * 2**20)
    place.mkdir()
    subprocess.run(["mkfs.btrfs", "-q", image], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        for words in (["quota", "enable", place], ["subvolume", "create", place / "group"]):
            subprocess.run(["btrfs", *words], check=True, capture_output=True)
        yield place / "group"
    finally:
        subprocess.run(["umount", place], check=True)


def limit(place: Path, size: str) -> None:
    subprocess.run(["btrfs", "qgroup", "limit", size, place], check=True, capture_output=True)


@pytest.mark.parametrize("kind", ["serial", "processes"])
def test_a_quota_that_is_used_up_stops_the_campaign(tmp_path, wanted, kind):
    whole = sum(map(len, wanted.values()))
    with with_quota(tmp_path) as place:
        limit(place, str(whole))
        url = str(place / "a")
        try:
            summary = run(url, kind)
            assert summary.exit_code == 4 and "Disk quota exceeded" in summary.stopped and "quota" in summary.stopped.rpartition(".")[0]
            assert {f["kind"] for f in summary.failures} == {"destination"} and summary.quarantined == 0
        except DestinationError as error:
            assert error.errno == errno.EDQUOT and error.exit_code == 3 and classify(error) == "destination"
        seen = content(url)
        assert all(seen[name] == wanted[name] for name in seen) and len(seen) < len(wanted)
        signed = len(Store(url).list("receipts"))
        # Nothing can be written, but what is there can be asked for.
        assert status(url).exit_code == 4
        limit(place, "none")
        summary = run(url)
        assert summary.exit_code == 0 and summary.parts_skipped == signed and content(url) == wanted
        assert not list(place.rglob("*.tmp"))
        assert verify(url, "deep", make_cluster("serial")).problems == []
