"""The plan behind a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from antdask.cli import main, plans
from antdask.cluster.serial import SerialCluster
from antdask.convert import campaign
from antdask.errors import DestinationError, PlanError, UsageError
from antdask.settings import Settings


def test_a_plan_that_was_kept_is_read_and_not_made_anew(real_files: dict[str, str], tmp_path: Path) -> None:
    made = plans.read_or_make((real_files["km3net_online.root"],), str(tmp_path / "here"), Settings(), quiet=True)
    plans.keep(made, str(tmp_path / "a.plan"))
    again = plans.read_or_make((str(tmp_path / "a.plan"),), None, Settings(part_bytes=1), quiet=True)
    assert again.whole() == made
    elsewhere = plans.read_or_make((str(tmp_path / "a.plan"),), str(tmp_path / "there"), Settings(), quiet=True)
    assert (elsewhere.id, elsewhere.archive) == (made.id, str(tmp_path / "there"))


def test_inputs_need_an_archive(real_files: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="Add --archive URL"):
        plans.read_or_make((real_files["antares.h5"],), None, Settings(), quiet=True)


def test_a_plan_that_cannot_be_kept_is_a_fault_of_the_destination(real_files: dict[str, str], tmp_path: Path) -> None:
    made = plans.read_or_make((real_files["antares.h5"],), str(tmp_path / "archive"), Settings(), quiet=True)
    (tmp_path / "file").touch()
    with pytest.raises(DestinationError):
        plans.keep(made, str(tmp_path / "file" / "a.plan"))


def test_a_preview_is_plain_data(real_files: dict[str, str], tmp_path: Path) -> None:
    made = plans.read_or_make((real_files["antares.h5"], str(tmp_path / "nothing.h5")), str(tmp_path / "archive"), Settings(), quiet=True)
    document = json.loads(json.dumps(plans.preview(made)))
    assert (document["plan"], document["inputs"], document["rejected"]) == (made.id, 1, 1)
    assert document["rejections"][0]["code"] == "input-missing"


def test_what_is_done_is_counted(real_files: dict[str, str], tmp_path: Path) -> None:
    made = plans.read_or_make((real_files["antares.h5"],), str(tmp_path / "archive"), Settings(), quiet=True)
    assert campaign.foresee(made) == 0
    assert not (tmp_path / "archive").exists()
    campaign.convert(made, SerialCluster())
    assert campaign.foresee(made) == len(made.parts)


def test_a_plan_stands_alone(real_files: dict[str, str], tmp_path: Path) -> None:
    made = plans.read_or_make((real_files["antares.h5"],), str(tmp_path / "archive"), Settings(), quiet=True)
    plans.keep(made, str(tmp_path / "a.plan"))
    with pytest.raises(UsageError, match="antdask replan"):
        plans.read_or_make((str(tmp_path / "a.plan"), real_files["antares.h5"]), str(tmp_path / "archive"), Settings(), quiet=True)
    with pytest.raises(PlanError, match="cannot be read"):
        plans.read(real_files["antares.h5"])


def test_inputs_may_stand_in_lists(real_files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"# both\n{real_files['antares.h5']}\n{tmp_path}/gone.root\n")
    where = ["--archive", str(tmp_path / "archive"), "--json"]
    done = CliRunner().invoke(main, ["plan", "--inputs-from", str(tmp_path / "list"), *where])
    document = json.loads(done.stdout)
    assert (done.exit_code, document["inputs"], document["rejected"]) == (3, 1, 1)
    names = b"\0".join(real_files[n].encode() for n in ("antares.h5", "km3net_online.root"))
    done = CliRunner().invoke(main, ["convert", "--inputs-from", "-", "--cluster", "serial", *where], input=names)
    document = json.loads(done.stdout)
    assert done.exit_code == 0 and document["parts_done"] == document["parts_total"] > 6
    plans.keep(plans.read_or_make((real_files["antares.h5"],), str(tmp_path / "b"), Settings(), quiet=True), str(tmp_path / "a.plan"))
    grown = ["replan", str(tmp_path / "a.plan"), "--inputs-from", "-", "-o", str(tmp_path / "b.plan"), "--json"]
    assert json.loads(CliRunner().invoke(main, grown, input=names).stdout)["added"] == 1
    for command in (["convert", *where], ["plan", *where], grown[:2] + grown[4:]):
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 2 and "No inputs are given" in done.stdout + done.stderr
