import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.archive import plain

COLUMNS = st.sampled_from(["int64", "uint32", "int8", "float64", "bool_"])


@given(st.lists(st.one_of(st.none(), st.integers(0, 1)), max_size=40), COLUMNS, st.integers(0, 20), st.integers(0, 20), st.booleans())
def test_values_and_nulls_are_those_of_arrow(items, kind, start, length, chunked):
    column = pa.array(items, pa.int64()).cast(getattr(pa, kind)()).slice(start, length)
    want = column.to_pylist()
    if chunked:
        column = pa.chunked_array([column.slice(0, 3), column.slice(3)])
    values, gone = plain.values(column), plain.absent(column)
    assert gone.tolist() == [v is None for v in want] and len(values) == len(want)
    assert [None if g else v for v, g in zip(values.tolist(), gone.tolist(), strict=True)] == want


def test_nothing_is_nothing():
    for column in (pa.chunked_array([], pa.int64()), pa.nulls(3, pa.int32())):
        assert len(plain.values(column)) == len(column) and plain.absent(column).all()


@pytest.mark.parametrize("words", [[], ["ä", "", "xyz"]])
def test_words_and_numbers_travel_to_arrow(words):
    assert plain.texts(words).to_pylist() == words and plain.texts(words).type == pa.string()
    assert plain.numbers(np.arange(6)[::2]).to_pylist() == [0, 2, 4]


def test_nobody_imports_pandas_here():
    code = "import sys, numpy as np; from antdask.archive.plain import *; values(numbers(np.arange(3))); absent(texts(['a'])); print('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
