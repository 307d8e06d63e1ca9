"""``antdask inspect`` says of a plan that it is one, and of an archive where to look."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from antdask.cli import inspection, main, plans
from antdask.cluster.serial import SerialCluster
from antdask.convert import campaign
from antdask.errors import InputError
from antdask.settings import Settings


@pytest.fixture
def plan_file(real_files: dict[str, str], tmp_path: Path) -> str:
    made = plans.read_or_make((real_files["antares.h5"],), str(tmp_path / "archive"), Settings(), quiet=True)
    plans.keep(made, str(tmp_path / "p.plan"))
    return str(tmp_path / "p.plan")


def test_a_plan_is_summarised_with_what_to_do_next(plan_file: str) -> None:
    found = inspection.look(plan_file, "")
    assert (found.document["format"], found.document["inputs"], found.document["parts"], list(found.damaged)) == ("plan", 1, 2, [])
    text = CliRunner().invoke(main, ["inspect", plan_file]).stdout
    assert "is a plan of antdask" in text and "antdask convert" in text
    assert "reco" in text


def test_an_archive_is_named_as_one_and_its_plans_are_plans(plan_file: str, tmp_path: Path) -> None:
    campaign.convert(plans.read(plan_file), SerialCluster())
    with pytest.raises(InputError, match=r"This is an archive .*antdask info"):
        inspection.look(str(tmp_path / "archive"), "")
    (kept,) = (tmp_path / "archive" / "plans").glob("*.zip")
    assert inspection.look(str(kept), "").document["format"] == "plan"
