"""The description of a product: what its id depends on, and where everything lies."""

from __future__ import annotations

import dataclasses

import pytest
import zarr

from antdask.archive.store import Store
from antdask.environment.baseline import BaselineSpec
from antdask.environment.excursions import FlashSpec
from antdask.environment.grid import LEVELS
from antdask.environment.product import Product, whole_periods
from antdask.errors import ArchiveError


def document(**changes):
    made = {
        "version": 1, "detector": "antares", "stream_lineage": "0a", "origin_ns": 0, "quantity": {"kind": "count"},
        "baseline": dataclasses.asdict(BaselineSpec()), "flashes": dataclasses.asdict(FlashSpec()),
    }  # fmt: skip
    return made | changes


def test_parameters_make_another_product_and_length_does_not(tmp_path):
    store = Store(str(tmp_path))
    first = Product(store, document(), 64)
    assert first.id == Product(store, document(), 128).id
    assert first.id != Product(store, document(baseline=dataclasses.asdict(BaselineSpec(factor=1.3))), 64).id


def test_no_two_owners_share_a_file(tmp_path):
    product = Product(Store(str(tmp_path)), document(), 128)
    for level in LEVELS.values():
        for array in product.arrays(level).values():
            assert array.shard[array.axis] % (array.chunk[array.axis]) == 0
            assert array.shape[array.axis] % array.shard[array.axis] == 0
            assert len({array.shard_path(n) for n in range(3)}) == 3


def test_metadata_open_with_zarr_and_grow(tmp_path):
    store = Store(str(tmp_path))
    Product(store, document(), 64).write_metadata()
    Product(store, document(), whole_periods(65)).write_metadata()
    product = Product.open(store, Product(store, document(), 64).id)
    assert product.days == 128
    group = zarr.open_group(f"{tmp_path}/{product.root}/1h", mode="r")
    assert group["sum"].shape == (900, 128 * 24)
    assert group["time"][-1] == (128 * 24 - 1) * 3600 * 10**9
    assert group["floor"][3] == 2


def test_no_product_is_none_and_a_damaged_one_an_error(tmp_path):
    store = Store(str(tmp_path))
    assert Product.open(store) is None
    store.write_small(Product.current_file(), b"{")
    with pytest.raises(ArchiveError):
        Product.open(store)
