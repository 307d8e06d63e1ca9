import sys

import numpy as np
import pytest

from antdask.convert.step import Step, source_of
from antdask.errors import AntdaskError, PlanError, UnknownNameError, UsageError
from tests.batches import random_batch

GOOD = """
import numpy as np
from antdask.model.ragged import take

def brighter(batch, *, least):
    return take(batch, np.flatnonzero(batch.tables["events"]["n_hits"] >= least))

def nothing(batch):
    return None

def torn(batch):
    return type(batch)(batch.stream, batch.origin, {k: v for k, v in batch.tables.items() if k != "hits"}, batch.offsets)

number = 7
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    name = f"step_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(GOOD)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


def find(name, **options):
    return Step.find(name, options, "events", "km3net_online")


def test_a_step_does_what_its_function_does(module):
    batch = random_batch("events", "km3net_online", 50)
    kept = find(f"{module}:brighter", least=2**31).apply(batch)
    assert 0 < kept.rows < 50 and (kept.tables["events"]["n_hits"] >= 2**31).all()
    assert kept.problems() == []


def test_a_step_comes_back_from_the_lineage_that_names_it(module, tmp_path):
    step = find(f"{module}:brighter", least=3)
    lineage = {"stream": "events", "origin": "km3net_online", "step": step.to_dict()}
    assert Step.of(lineage) == step and Step.of({}) is None
    assert source_of(step.name).decode() == GOOD
    (tmp_path / f"{module}.py").write_text(GOOD + "\n# another\n")
    with pytest.raises(PlanError, match="changed after it was planned"):
        Step.of(lineage)


def test_a_worker_that_outlives_a_version_of_a_step_takes_the_new_one(module, tmp_path):
    batch = random_batch("events", "km3net_online", 5)
    assert find(f"{module}:brighter", least=0).apply(batch).rows == 5
    path = tmp_path / f"{module}.py"
    path.write_text(GOOD.replace(">= least", "> 2**40"))
    assert find(f"{module}:brighter", least=0).apply(batch).rows == 0


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("brighter", {}, UsageError, "module:function"),
        ("os.path", {}, UsageError, "module:function"),
        ("no_such_module_at_all:f", {}, UsageError, "PYTHONPATH"),
        ("{}:brigther", {}, UnknownNameError, "Did you mean 'brighter'"),
        ("{}:number", {}, UnknownNameError, "Unknown step"),
        ("{}:brighter", {}, UsageError, "missing a required"),
        ("{}:brighter", {"lest": 1}, UsageError, "options"),
    ],
)
def test_what_is_no_step_is_refused_before_anything_is_planned(module, name, options, error, message):
    with pytest.raises(error, match=message):
        find(name.format(module), **options)


@pytest.mark.parametrize(("name", "message"), [("nothing", "NoneType"), ("torn", "contradicts the schema")])
def test_a_step_that_breaks_its_promise_is_named(module, name, message):
    with pytest.raises(AntdaskError, match=message) as caught:
        find(f"{module}:{name}").apply(random_batch("events", "km3net_online", 5))
    assert module in str(caught.value)


def test_another_stream_than_promised_is_refused(module):
    step = Step.find(f"{module}:brighter", {"least": 0}, "reco", "seatray")
    with pytest.raises(AntdaskError, match="expected reco of seatray, found events of km3net_online"):
        step.apply(random_batch("events", "km3net_online", 5))


def test_options_are_part_of_the_step(module):
    assert find(f"{module}:brighter", least=3).to_dict() != find(f"{module}:brighter", least=4).to_dict()
    assert np.unique([find(f"{module}:brighter", least=n).source for n in (3, 4)]).size == 1
