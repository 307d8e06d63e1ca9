import pyarrow as pa
import pytest

from antdask.archive import choices
from antdask.archive.choices import Choice, flags
from antdask.archive.store import Store
from antdask.errors import ArchiveError


def parts(*rows):
    names = ("stream", "detector", "run", "lineage")
    columns = [pa.array(c) for c in zip(*rows, strict=True)] if rows else [pa.array([], pa.string()) for _ in names]
    return pa.table([pa.chunked_array([c]) for c in columns], names=list(names))


OLD, NEW = "00000000", "11111111"
TWICE = parts(
    ("events", "antares", 1, OLD),
    ("events", "antares", 1, NEW),
    ("events", "antares", 2, OLD),
    ("events", "antares", 1, OLD),
    ("mc", "antares", 1, NEW),
)


def test_choices_are_read_back_in_the_order_in_which_they_were_made(tmp_path):
    store = Store(str(tmp_path))
    made = [choices.write(store, Choice("events", OLD)), choices.write(store, Choice("events", NEW, (("antares", 7),), "plan"))]
    assert choices.read(store) == made and made[0].name < made[1].name
    store.write_small("choices/00000000000000000001-x.json", b"{}")
    with pytest.raises(ArchiveError, match="lineage use"):
        choices.read(store)


def test_what_a_step_derived_is_current_only_by_choice():
    assert flags(TWICE, [], {NEW}).to_pylist() == [True, False, True, True, True]
    assert flags(TWICE, [Choice("events", NEW)], {NEW}).to_pylist() == [False, True, True, False, True]


def test_where_nothing_tells_all_are_current_and_a_query_asks():
    assert flags(TWICE, [], set()).to_pylist() == [True] * 5
    assert flags(TWICE, [], {OLD, NEW}).to_pylist() == [True] * 5


def test_the_latest_choice_that_fits_counts():
    both = [Choice("events", NEW), Choice("events", OLD)]
    assert flags(TWICE, both, set()).to_pylist() == [True, False, True, True, True]
    assert flags(TWICE, both[::-1], set()).to_pylist() == [False, True, True, False, True]
    other_run = [Choice("events", NEW), Choice("events", OLD, (("antares", 2),))]
    assert flags(TWICE, other_run, set()).to_pylist() == [False, True, True, False, True]
    # A lineage that a run does not have hides nothing.
    assert flags(TWICE, [Choice("events", "22222222")], {NEW}).to_pylist() == [True, False, True, True, True]


def test_no_parts_have_no_flags():
    assert flags(parts(), [], set()).to_pylist() == []


def test_detectors_and_streams_do_not_mix():
    table = parts(("events", "antares", 1, OLD), ("events", "km3net-1", 1, NEW), ("mc", "antares", 1, NEW))
    assert flags(table, [], {NEW}).to_pylist() == [True] * 3


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'"x"', b"7", b"{}", b'{"runs": null}', b'{"runs": [[1]], "stream": "events", "lineage": "x"}']
)
def test_what_is_no_choice_is_named(tmp_path, data):
    store = Store(str(tmp_path))
    store.write_small("choices/1-x.json", data)
    with pytest.raises(ArchiveError, match=r"choices/1-x\.json"):
        choices.read(store)
