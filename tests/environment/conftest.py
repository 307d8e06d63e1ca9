"""One archive with a product, shared by the tests that read: two runs over midnight, a dead module, a gap, saturation, one flash."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.environment.build import build
from antdask.environment.product import Product
from antdask.model.time import ANTARES_FRAME_NS
from tests.environment.sea import START, Truth, archive_of, counts_batch, quiet

DAY_NS = 86_400 * 10**9


@pytest.fixture(scope="session")
def truth() -> Truth:
    """Run 7 from 23:55 to 00:03 of the next day with 200 frames missing; run 8 from 01:00 on."""
    start = START + DAY_NS - 300 * 10**9
    index = np.delete(np.arange(4600), np.arange(1000, 1200))
    first = quiet(len(index), seed=1)
    flags = np.zeros(first.shape, np.uint8)
    first[:, 40] = 0
    flags[:, 40] = 4
    first[500:505, 3:6] += 3000
    flags[2000:2020, 80:90] = 1
    first[2000:2020, 80:90] = 65_535
    second = quiet(600, seed=2)
    second[:, 40], more = 0, np.zeros(second.shape, np.uint8)
    more[:, 40] = 4
    later = START + DAY_NS + 3600 * 10**9
    utc = np.concatenate([start + index * ANTARES_FRAME_NS, later + np.arange(600) * ANTARES_FRAME_NS])
    batches = [(7, counts_batch(first, flags, start, index)), (8, counts_batch(second, more, later))]
    return Truth(utc, np.concatenate([first, second]), np.concatenate([flags, more]), batches)


@pytest.fixture(scope="session")
def built(truth, tmp_path_factory):
    """URL of the archive, after its product was made."""
    url = archive_of(tmp_path_factory.mktemp("built") / "archive", truth.batches)
    with make_cluster("serial") as cluster:
        summary = build(url, cluster)
    assert not summary.failures, summary.failures
    return url


@pytest.fixture(scope="session")
def product(built):
    return Product.open(Store(built))
