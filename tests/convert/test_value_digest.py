import itertools

import numpy as np

from antdask.convert.value_digest import ValueDigest
from antdask.model.ragged import cut, take
from tests.batches import random_batch


def test_rows_have_one_digest_however_they_are_cut():
    batch = random_batch("events", "km3net_online", 50)
    whole = ValueDigest([batch]).digest()
    for edges in ([0, 50], [0, 1, 7, 50], [0, 20, 20, 49, 50]):
        pieces = [cut(batch, a, b) for a, b in itertools.pairwise(edges)]
        assert ValueDigest(pieces).digest() == whole


def test_any_other_value_order_or_count_has_another():
    batch = random_batch("events", "km3net_online", 50)
    whole = ValueDigest([batch]).digest()
    assert ValueDigest([take(batch, np.arange(50)[::-1])]).digest() != whole
    assert ValueDigest([cut(batch, 0, 49)]).digest() != whole
    changed = {**batch.tables["hits"], "tot": batch.tables["hits"]["tot"] ^ 1}
    other = ValueDigest([type(batch)(batch.stream, batch.origin, {**batch.tables, "hits": changed}, batch.offsets)]).digest()
    assert {n for n in whole if whole[n] != other[n]} == {"hits/tot"}
    # The same hits below other events.
    offsets = batch.offsets["hits"].copy()
    offsets[5] += 1 if offsets[6] > offsets[5] else -1
    moved = ValueDigest([type(batch)(batch.stream, batch.origin, batch.tables, {**batch.offsets, "hits": offsets})]).digest()
    assert {n for n in whole if whole[n] != moved[n]} == {"hits/offsets"}
