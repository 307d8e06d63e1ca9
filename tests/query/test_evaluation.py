"""Nodes over whole columns."""

import itertools

import numpy as np
import pytest

from antdask.model.tables import SCHEMAS
from antdask.query.binding import Scope, bind
from antdask.query.evaluation import Evaluation
from antdask.query.syntax import parse
from tests.batches import random_batch
from tests.query.archives import piece_of

RECO = SCHEMAS["reco"]
SCOPE = Scope(RECO, [f"{t.name}/{f.name}" for t in RECO.tables for f in t.fields])


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    batch = random_batch("reco", "seatray", 40, seed=2)
    return batch, Evaluation(piece_of(tmp_path_factory.mktemp("reco"), batch))


def node(text):
    return bind(text, parse(text), SCOPE)


def test_a_mask_follows_the_table_that_is_asked_for(tracks):
    batch, evaluation = tracks
    rows = evaluation.mask(node("zenith > 0"), "tracks")
    hits = evaluation.mask(node("zenith > 0"), "used_hits")
    assert rows.tolist() == (batch.tables["tracks"]["zenith"] > 0).tolist()
    assert hits.tolist() == np.repeat(rows, np.diff(batch.offsets["used_hits"])).tolist()


def test_values_of_a_row_reach_its_hits(tracks):
    batch, evaluation = tracks
    mask = evaluation.mask(node("used_hits.time_ns - time_ns > 0.5"), "used_hits")
    with np.errstate(invalid="ignore"):
        expected = (
            batch.tables["used_hits"]["time_ns"] - np.repeat(batch.tables["tracks"]["time_ns"], np.diff(batch.offsets["used_hits"])) > 0.5
        )
    assert mask.tolist() == expected.tolist()


def test_sums_of_reals_skip_nan_and_infinities_do_not_warn(tracks):
    batch, evaluation = tracks
    total, table = evaluation.numbers(node("sum(used_hits.charge_pe) > 0").operands[0])
    edges = batch.offsets["used_hits"]
    sums = [np.nansum(batch.tables["used_hits"]["charge_pe"][a:b]) for a, b in itertools.pairwise(edges)]
    assert table == "tracks" and np.allclose(total.values, sums)
    charges = batch.tables["used_hits"]["charge_pe"].copy()
    evaluation.piece._columns["used_hits", "charge_pe"] = np.resize([np.inf, -np.inf], len(charges))
    assert not evaluation.mask(node("sum(used_hits.charge_pe) == 0"), "tracks")[np.diff(edges) > 1].any()
    evaluation.piece._columns["used_hits", "charge_pe"] = charges


def test_a_node_of_the_wrong_kind_is_a_bug_and_says_so(tracks):
    _, evaluation = tracks
    with pytest.raises(TypeError, match="no truth value"):
        evaluation.truth(parse("1"))
    with pytest.raises(TypeError, match="no number"):
        evaluation.numbers(parse("1 < 2"))
