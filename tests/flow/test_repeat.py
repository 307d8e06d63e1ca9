"""A campaign is repeated, to the byte, from nothing but what its archive keeps: plan, environment, steps, and the inputs that the plan names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from antdask.archive import documents, ledger, plans, toolchain
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert import step
from antdask.convert.campaign import convert
from antdask.convert.chronicle_page import write_report
from antdask.convert.compaction import plan_compaction
from antdask.convert.reprocess import Wish, plan_reprocessing, reprocess
from antdask.convert.scan import make_plan
from antdask.settings import load


def content(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in (root / "parts").rglob("*") if p.is_file()}


def repeat(plan: str, archive: Path) -> None:
    """In a process of its own, which knows the plan and nothing else."""
    command = [sys.executable, "-m", "antdask", "convert", plan, "--archive", str(archive), "--cluster", "serial", "-q"]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.slow
def test_every_campaign_of_an_archive_can_be_repeated_from_it(real_files: dict[str, str], tmp_path: Path) -> None:
    first = tmp_path / "first"
    with make_cluster("processes", 2) as cluster:
        convert(make_plan([real_files["antares.h5"], real_files["km3net_online.root"]], str(first), load(part_bytes=200_000)), cluster)
        reprocess(plan_reprocessing(str(first), Wish("events", "antdask.convert.steps:select_events", {"min_hits": 150})), cluster)
        convert(plan_compaction(str(first), settings=load(part_bytes=10**9)).plan, cluster)
    store = Store(str(first))
    wanted = content(first)
    made: dict[str, bytes] = {}
    for number, file in enumerate(plans.saved(store)):
        repeat(file.url, tmp_path / str(number))
        made.update(content(tmp_path / str(number)))
    assert len(list(plans.saved(store))) == 3 and made == wanted

    # What the parts were made with is kept, and is what this test runs with.
    receipts = list(ledger.receipts(store))
    [environment] = {r.work["environment"] for r in receipts}
    assert toolchain.differences(documents.environment(store, environment), toolchain.describe()) == []
    [source] = store.list("steps")
    assert store.read(source) == step.source_of("antdask.convert.steps:select_events")
    assert {r.lineage for r in receipts} == {Path(p).stem for p in store.list("lineages")}
    assert all(store.exists(lay.plan_file(r.plan)) for r in receipts)
    assert len(write_report(str(first))) == 6 and store.exists("reports/all/report.json")
