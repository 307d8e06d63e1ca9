"""An archive with everything in it, read with its README alone: which parts count, what they hold, what was lost; from JSON, without Parquet, Zarr or antdask."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from antdask.archive import catalog
from antdask.archive import layout as lay
from antdask.archive.ledger import receipts
from antdask.archive.plans import PlanFile
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.compaction import plan_compaction
from antdask.convert.lineages import use_lineage
from antdask.convert.quarantine import readmit
from antdask.convert.reprocess import Wish, plan_reprocessing, reprocess
from antdask.convert.scan import make_plan
from antdask.settings import load
from antdask.simulate import SimulationSpec, simulate
from antdask.simulate.damage import corrupt
from tests.archive.test_readme import reader

pytestmark = pytest.mark.slow
SERIAL = make_cluster("serial")
STEP = "antdask.convert.steps:select_events"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, real_files: dict[str, str]) -> Path:
    """Small parts, merged ones, derived ones of which some are chosen, and a damaged input."""
    folder = tmp_path_factory.mktemp("alone")
    url = str(folder / "a")
    raw = [f for f in simulate(SimulationSpec(events=700, runs=2), folder / "simulated") if "raw" in str(f)]
    damaged = [corrupt(f, "badbasket", folder / "damaged") for f in raw]
    (folder / "no.root").write_bytes(b"root" + bytes(100))
    files = [real_files[n] for n in ("antares.h5", "events_sample.root", "km3net_online.root")]
    convert(make_plan([*files, *map(str, damaged), str(folder / "no.root")], url, load(part_bytes=200_000)), SERIAL)
    shutil.copy(raw[0], damaged[0])
    convert(PlanFile(readmit(url).plan), SERIAL)
    convert(plan_compaction(url, settings=load(part_bytes=1_000_000), streams=["events"]).plan, SERIAL)
    derived = plan_reprocessing(url, Wish("events", STEP, {"min_hits": 150}))
    reprocess(derived, SERIAL)
    use_lineage(url, "events", next(n for n, d in derived.lineages.items() if d["origin"] == "seatray"))
    return folder / "a"


def path_of(key: dict[str, Any]) -> str:
    again = f".r{key['generation']}" if key.get("generation") else ""
    run = key["run"]
    return f"{run['detector']}/{key['stream']}/{key['lineage']}/{run['run']:08d}/{key['index']:04d}-{key['content']}{again}"


def receipts_by_hand(archive: Path) -> dict[str, dict[str, Any]]:
    """Receipts of the parts that no other stands for, in the words of the README."""
    signed = {r["part"]: r for r in (json.loads(p.read_bytes()) for p in (archive / "receipts").rglob("*.json"))}
    gone = {name for receipt in signed.values() for name in (s["part"] for s in receipt["supersedes"])}
    for file in (archive / "plans").glob("*.zip"):
        with zipfile.ZipFile(file) as plan:
            keys = [p["key"] for name in plan.namelist() if re.fullmatch(r"parts/.*json", name) for p in json.loads(plan.read(name))]
            retires = json.loads(plan.read("header.json")).get("retires", [])
        if all(path_of(key) in signed for key in keys):
            gone |= set(retires)
    return {name: r for name, r in signed.items() if name not in gone}


def parts_by_hand(archive: Path) -> set[str]:
    """Which parts to read, in the words of the README."""
    there = receipts_by_hand(archive)
    choices = [json.loads(p.read_bytes()) for p in sorted((archive / "choices").glob("*.json"))]
    wanted = set()
    for name, r in there.items():
        own = {o["lineage"] for o in there.values() if all(o[k] == r[k] for k in ("stream", "detector", "run"))}
        said = [c for c in choices if c["stream"] == r["stream"] and (c["runs"] is None or [r["detector"], r["run"]] in c["runs"])]
        fits = [c["lineage"] for c in said if c["lineage"] in own]
        plain = {n for n in own if "step" not in json.loads((archive / f"lineages/{n}.json").read_bytes())}
        if r["lineage"] in ({fits[-1]} if fits else plain or own):
            wanted.add(name)
    return wanted


def test_the_parts_that_count_are_found_without_the_catalogue(archive: Path) -> None:
    table = catalog.load(Store(str(archive))).parts.to_pylist()
    assert parts_by_hand(archive) == {row["part"] for row in table if row["current"]}
    assert len(parts_by_hand(archive)) < len(table) < len(list((archive / "receipts").rglob("*.json")))


def test_every_value_of_every_part_is_what_antdask_reads(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, store, streams = reader(monkeypatch), Store(str(archive)), set()
    for receipt in (r for r in receipts(store) if r.part in parts_by_hand(archive)):
        file, own = archive / lay.part_file(receipt.part), PartReader(store, {"part": receipt.part, "arrays": receipt.arrays})
        streams.add(receipt.stream)
        for name in own.names:
            table, _, column = name.partition("/")
            values = own.offsets(table) if column == lay.OFFSETS else own.column(table, column)
            assert read(file, name).tobytes() == values.tobytes(), name
    assert streams == {"events", "headers", "mc", "rates", "reco", "timeslices", "timeslices_l1", "timeslices_sn"}


def test_what_could_not_be_read_is_told_in_json(archive: Path) -> None:
    lost = [(q["code"], q["stop"] - q["start"]) for r in receipts_by_hand(archive).values() for q in r["quarantined"]]
    headers = [json.loads(zipfile.ZipFile(f).read("header.json")) for f in (archive / "plans").glob("*.zip")]
    table = catalog.load(Store(str(archive))).quarantine.to_pylist()
    assert lost and [r["code"] for h in headers for r in h["rejected"]] == ["corrupt"]
    assert sorted(lost) == sorted((row["code"], row["stop"] - row["start"]) for row in table if row["part"])
