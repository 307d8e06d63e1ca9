"""Tables of any origin are written one after the other: as many rows as are asked for, and no table more."""

import decimal
import io
import json

import pyarrow as pa
import pytest

from antdask.errors import UsageError
from antdask.query.formats import spread, write_tables


def tables(asked=None):
    """An empty table and two with rows; notes how many were asked for."""
    whole = pa.table({"n": pa.array([1, 2, 3, 4]), "x": pa.array([0.5, float("nan"), float("inf"), None])})
    for piece in (whole.slice(0, 0), whole.slice(0, 2), whole.slice(2)):
        if asked is not None:
            asked.append(piece.num_rows)
        yield piece


def written(found, format, limit=None):
    out = io.StringIO()
    return write_tables(found, format, out, limit), out.getvalue()


def test_json_has_null_for_what_is_no_number():
    count, text = written(tables(), "json")
    assert count == 4 and [json.loads(line)["x"] for line in text.splitlines()] == [0.5, None, None, None]


def test_sums_too_long_for_64_bits_stay_integers():
    total = pa.table({"total": pa.array([decimal.Decimal(2**70)], pa.decimal128(38, 0))})
    assert written(iter([total.slice(0, 0), total]), "json")[1] == f'{{"total":{2**70}}}\n'


@pytest.mark.parametrize("format", ["csv", "json", "table"])
def test_a_limit_asks_for_no_table_too_many(format):
    asked = []
    assert written(tables(asked), format, limit=2)[0] == 2
    assert asked == [0, 2]
    assert written(tables(), format, limit=0)[0] == 0


def test_a_refusal_asks_for_no_table():
    asked = []
    with pytest.raises(UsageError, match="A limit"):
        written(tables(asked), "csv", limit=-1)
    assert asked == []


def test_several_values_per_row_become_several_columns():
    pairs = pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4]), 2)
    assert spread(pa.table({"a": pairs})).to_pydict() == {"a[0]": [1, 3], "a[1]": [2, 4]}
