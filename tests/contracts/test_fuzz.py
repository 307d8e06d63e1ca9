"""Damaged files of every source: a sound value, or an error that names what is lost. A seeded few in every run of the tests, all of them in ``make soak``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from antdask.sources import SOURCES
from tests.contracts import fuzz_run, fuzzing, guided
from tests.contracts.fuzz_table import RESULTS, table
from tests.contracts.test_source_contract import FILES, path_of

#: Files of a source that `make soak` damages: small, and different from each other.
SOAKED: dict[str, tuple[str, ...]] = {
    **{name: FILES[name][:2] for name in FILES},
    "antares_raw": ("simulated/raw",),
    "km3net_online": (*FILES["km3net_online"][:2], "online/km3net_online.root"),
    "km3net_dst": FILES["km3net_dst"][:1],
    "km3net_offline": ("offline/usr-sample.root", "mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root"),
    "detector_file": ("detx/detx_v5.detx", "detx/detx_v1.detx", "detx/detx_v3.detx", "datx/KM3NeT_00000133_20221025.datx"),
    "evt_ascii": ("evt/KM3Sim.evt", "evt/corant_5.1.9.evt", "evt/example_numuNC.evt"),
    "controlhost": ("daq/IO_EVT.dat", "daq/IO_SUM_legacy.dat", "daq/IO_TSSN.dat", "daq/IO_EVT_legacy.dat"),
}
SOURCES_OF_FILES = [name for name in SOURCES.names() if name != "archive_part"]
CUTS, CHANGES = 200, 2000
#: Files of formats without checksums, and how long atheris changes each [s].
GUIDED, GUIDED_SECONDS = (
    (
        "evt/corant_5.1.9.evt",
        "detx/detx_v3.detx",
        "daq/IO_EVT_legacy.dat",
        "daq/IO_SUM.dat",
        "daq/clb.dqd",
        "corsika/DAT000001",
        "simulated/slow",
    ),
    240,
)
#: Damages in every run of the tests, cuts and changes: where opening a file takes long, a few.
FEW = {
    "km3net_dst": (1, 3),
    "km3net_offline": (2, 6),
    "gibuu_root": (2, 6),
    "gseagen_root": (3, 9),
    "antdst_sel": (3, 9),
    "sensor_table": (3, 9),
    "seatray_hdf5": (3, 9),
}
SEED = 1


@pytest.mark.parametrize("name", SOURCES_OF_FILES)
def test_a_few_damages_of_every_source_are_met(name: str, tmp_path: Path) -> None:
    sound = fuzzing.Sound(path_of(SOAKED[name][0]))
    cuts, changes = FEW.get(name, (5, 20))
    damages = [*fuzzing.cuts(len(sound.data), cuts + 10, 5)[-cuts:], *fuzzing.changes(len(sound.data), changes, 6)]
    verdicts = [fuzzing.judge(sound, damage, tmp_path / f"x{Path(sound.path).suffix}") for damage in damages]
    assert [(d, v.why) for d, v in zip(damages, verdicts, strict=True) if v.outcome == "wrong"] == []


@pytest.mark.soak
@pytest.mark.parametrize(("name", "file"), [(name, file) for name in SOURCES_OF_FILES for file in SOAKED[name]])
def test_every_damage_is_named_or_harmless(name: str, file: str, tmp_path: Path) -> None:
    job = {"source": name, "file": file, "seed": SEED, "cuts": CUTS, "changes": CHANGES, "code": fuzz_run.code()}
    kept = RESULTS / f"{name}-{Path(file).name}.json"
    if not (kept.exists() and job.items() <= json.loads(kept.read_text()).items()):
        found = fuzz_run.run(path_of(file), CUTS, CHANGES, SEED, tmp_path)
        RESULTS.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(job | found, indent=1))
    assert json.loads(kept.read_text())["wrong"] == []


@pytest.mark.soak
@pytest.mark.parametrize("file", GUIDED)
def test_coverage_leads_to_nothing_worse(file: str, tmp_path: Path) -> None:
    done = guided.run(path_of(file), GUIDED_SECONDS, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    runs = re.findall(r"Done (\d+) runs", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"guided-{Path(file).name}.txt").write_text(f"{file}: {runs[-1]} runs, {covered[-1]} edges, from {covered[0]}\n")


class TestDamage:
    """The damages are what they say, and the judge sees what is wrong."""

    def test_the_same_seed_gives_the_same_damages(self) -> None:
        assert fuzzing.changes(1000, 50, 3) == fuzzing.changes(1000, 50, 3) != fuzzing.changes(1000, 50, 4)
        assert len(fuzzing.cuts(1000, 200, 1)) == 200

    @pytest.mark.parametrize(
        ("damage", "expected"),
        [
            (fuzzing.Damage("cut", 3), b"abc"),
            (fuzzing.Damage("zero", 1, 2), b"a\0\0def"),
            (fuzzing.Damage("ones", 4, 9), b"abcd\xff\xff"),
            (fuzzing.Damage("drop", 1, 2), b"adef"),
            (fuzzing.Damage("double", 1, 2), b"abcbcdef"),
        ],
    )
    def test_a_damage_changes_its_bytes_only(self, damage: fuzzing.Damage, expected: bytes) -> None:
        assert damage.apply(b"abcdef") == expected

    def test_other_values_are_told_from_lost_ones(self, tmp_path: Path) -> None:
        sound = fuzzing.Sound(path_of("daq/IO_EVT.dat"))
        # The last byte is the time over threshold of a hit: nothing protects it.
        assert fuzzing.judge(sound, fuzzing.Damage("flip", len(sound.data) - 1), tmp_path / "x.dat").outcome == "other"
        assert fuzzing.judge(sound, fuzzing.Damage("cut", len(sound.data) - 1), tmp_path / "x.dat").outcome == "salvaged"
        assert fuzzing.judge(sound, fuzzing.Damage("cut", 20), tmp_path / "x.dat").outcome == "refused"
        sound._open = []
        found = fuzzing.judge(sound, fuzzing.Damage("flip", len(sound.data) - 1), tmp_path / "x.dat")
        assert (found.outcome, found.why) == ("wrong", "('controlhost', 'IO_EVT') has 1 of 3 rows that the sound file does not have")

    def test_a_process_that_takes_too_much_is_told(self, tmp_path: Path) -> None:
        found = fuzz_run.run(path_of("daq/IO_EVT.dat"), 1, 1, 1, tmp_path)
        assert sum(found["outcomes"].values()) == 2
        assert fuzz_run.run(str(tmp_path / "missing.dat"), 1, 1, 1, tmp_path / "b")["outcomes"] == {"died": 1}


def test_the_table_says_what_was_found(tmp_path: Path) -> None:
    found = {
        "source": "evt_ascii",
        "file": "evt/a.evt",
        "outcomes": {"sound": 3, "refused": 2, "other": 1},
        "wrong": [],
        "slowest": 0.5,
        "memory": 3 << 20,
    }
    (tmp_path / "a.json").write_text(json.dumps(found))
    assert table(tmp_path).splitlines()[-1] == "| evt_ascii | a.evt | 6 | 2 | 0 | 3 | 1 | 0 | 0.5 | 3 |"
