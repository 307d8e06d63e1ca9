"""Products as they lie in an archive: found by their digest or as the current one, with their receipts."""

import json

import pytest

from antdask.archive.store import Store
from antdask.environment.product import Product
from antdask.environment.sensors import SensorProduct
from antdask.environment.stored import StoredProduct
from antdask.errors import ArchiveError


def made(tmp_path, **document):
    return SensorProduct(Store(str(tmp_path / "a")), {"version": 1, "sensors": {}, **document})


def test_the_document_names_the_product_and_the_pointer_the_one_to_read(tmp_path):
    first, second = made(tmp_path), made(tmp_path, version=2)
    assert first.id != second.id == made(tmp_path, version=2).id and second.root == f"environment/sensors/{second.id}"
    for product in (first, second):
        product.write_document()
    first.make_current()
    found = SensorProduct.open(first.store), SensorProduct.open(first.store, second.id)
    assert [one.document for one in found if one is not None] == [first.document, second.document]
    assert json.loads(first.store.read("environment/sensors/current.json")) == {"product": first.id}
    assert Product.open(first.store) is None


def test_receipts_come_by_their_number(tmp_path):
    product = made(tmp_path)
    assert product.receipts("months", "month") == {}
    for month in (201003, 201004):
        product.write_json(product.receipt_file(month), {"month": month})
        product.store.write_small(product.month_file(month), b"no receipt")
    assert product.receipts("months", "month") == {201003: {"month": 201003}, 201004: {"month": 201004}}


@pytest.mark.parametrize(("kind", "command"), [(Product, "build"), (SensorProduct, "sensors")])
def test_a_product_that_is_not_there_says_what_makes_it(tmp_path, kind: type[StoredProduct], command):
    store = Store(str(tmp_path / "a"))
    with pytest.raises(ArchiveError, match=rf"no such product of {kind.kind}.*environment {command} ARCHIVE") as error:
        kind.existing(store, "0a0a0a0a")
    assert error.value.found == "0a0a0a0a"
