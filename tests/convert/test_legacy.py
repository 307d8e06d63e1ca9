import dataclasses

import pytest

from antdask.archive import layout as lay
from antdask.archive import ledger
from antdask.archive.plans import open_plan
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.legacy import LegacyInputs
from antdask.convert.scan import make_plan
from antdask.errors import ArchiveError, InputMissingError
from antdask.settings import load


@pytest.fixture(scope="module")
def made(real_files, tmp_path_factory):
    plan = make_plan([real_files["antares.h5"]], str(tmp_path_factory.mktemp("legacy") / "a"), load(part_bytes=400_000))
    with make_cluster("serial") as cluster:
        convert(plan, cluster)
    return plan, Store(plan.archive)


def test_the_work_behind_a_part_is_found_again(made):
    plan, store = made
    inputs = LegacyInputs(store)
    for receipt in ledger.receipts(store):
        planned = open_plan(store.full_url(lay.plan_file(plan.id))).assignment(receipt.plan_part)
        task = inputs.task(receipt)
        strip = [[dataclasses.replace(r, nbytes=0) for r in t.part.ranges] for t in (task, planned)]
        assert (
            strip[0] == strip[1]
            and task.inputs == planned.inputs
            and task.lineage == dict(planned.lineage)
            and task.part.key == planned.part.key
        )
        assert task.part.nbytes == pytest.approx(planned.part.nbytes, abs=2)


def test_what_no_plan_describes_is_said_to_be_missing(made):
    with pytest.raises(InputMissingError, match="No plan"):
        LegacyInputs(made[1]).find("0" * 64, "seatray_hdf5")
    receipt = next(iter(ledger.receipts(made[1])))
    with pytest.raises(ArchiveError, match="lineage"):
        LegacyInputs(made[1]).task(dataclasses.replace(receipt, lineage="00000000"))
