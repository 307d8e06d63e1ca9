"""Damaged files of an archive: the sound content, or an error that names the file. A seeded few in every run of the tests, all of them in ``make soak``."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.contracts import fuzz_run
from tests.contracts.archive_fuzzing import SoundArchive, make
from tests.contracts.fuzz_table import RESULTS
from tests.contracts.fuzzing import Damage, changes, cuts
from tests.contracts.test_source_contract import path_of

pytestmark = pytest.mark.filterwarnings("error")

INPUTS = ("online/KM3NeT_00000049_00008456.summaryslice-167941.root", "seatray/antares.h5")
#: Files of every kind, by a pattern in the archive.
FILES = {
    "part of events": "parts/antares/events/*/*/*.zip",
    "part of tracks": "parts/antares/reco/*/*/*.zip",
    "part of rates": "parts/km3net-49/rates/*/*/*.zip",
    "plan": "plans/*.zip",
    "receipt": "receipts/antares/events/*/*/*.json",
    "lineage": "lineages/*.json",
    "marker": "antdask.json",
    "pointer": "catalogue/current.json",
    **{f"catalogue {name}": f"catalogue/*/{name}.parquet" for name in ("parts", "details", "blocks", "runs", "inputs", "quarantine", "superseded", "plans", "folders")},
}  # fmt: skip
SEED, CUTS, CHANGES = 1, 200, 2000


@functools.cache
def archive() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="antdask-archive-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make([path_of(name) for name in INPUTS], folder / "a")


def file_of(kind: str) -> str:
    return str(min(archive().glob(FILES[kind])))


@pytest.mark.parametrize("kind", FILES)
def test_a_few_damages_of_every_file_of_an_archive_are_met(kind: str, tmp_path: Path) -> None:
    sound = SoundArchive(file_of(kind))
    path = sound.place(tmp_path)
    damages = [*cuts(len(sound.data), 15, 5)[-5:], *changes(len(sound.data), 20, 6)]
    verdicts = [sound.judge(damage, path) for damage in damages]
    assert [(d, v.why) for d, v in zip(damages, verdicts, strict=True) if v.outcome == "wrong"] == []
    assert {"refused", "salvaged"} & {v.outcome for v in verdicts}


@pytest.mark.soak
@pytest.mark.parametrize("kind", FILES)
def test_every_damage_of_an_archive_is_named_or_harmless(kind: str, tmp_path: Path) -> None:
    job = {"source": "archive", "file": kind, "seed": SEED, "cuts": CUTS, "changes": CHANGES, "code": fuzz_run.code()}
    kept = RESULTS / f"archive-{kind.replace(' ', '-')}.json"
    if not (kept.exists() and job.items() <= json.loads(kept.read_text()).items()):
        RESULTS.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(job | fuzz_run.run(file_of(kind), CUTS, CHANGES, SEED, tmp_path), indent=1))
    assert json.loads(kept.read_text())["wrong"] == []


class TestJudgement:
    """The judge sees what is wrong."""

    def test_a_flipped_bit_of_an_array_is_told_from_one_that_nobody_reads(self, tmp_path: Path) -> None:
        sound = SoundArchive(file_of("part of events"))
        path, middle = sound.place(tmp_path), len(sound.data) // 2
        assert sound.judge(Damage("flip", middle, seed=1), path).outcome == "salvaged"
        assert sound.judge(Damage("cut", middle), path).outcome == "salvaged"
        # The time in the header of a member.
        assert sound.judge(Damage("flip", 10, seed=1), path).outcome == "sound"
        sound.content["itself"] = b""
        found = sound.judge(Damage("flip", 10, seed=1), path)
        assert (found.outcome, found.why) == ("wrong", "other content: itself")

    def test_what_no_checksum_covers_may_be_another_thing(self, tmp_path: Path) -> None:
        sound = SoundArchive(file_of("marker"))
        path, place = sound.place(tmp_path), sound.data.index(b'"1.0"') + 3
        assert sound.judge(Damage("double", place), path).outcome == "other"
        assert sound.judge(Damage("drop", place), path).outcome == "refused"
