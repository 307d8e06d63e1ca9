"""Nested vectors and texts that real ROOT wrote (``data/made/nested.py``), to the last value; and what is refused."""

from __future__ import annotations

import itertools
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.layout_record import parse_record
from antdask.sources.root import Tree, open_root
from antdask.sources.root_nested import Form, Nested, NestedBranch, nested_of, parse_form, read_nested
from antdask.sources.root_struct import check_struct, read_struct
from tests.sources.branch_samples import Column

FILE = Path(__file__).parent / "data" / "nested.root"
EVENTS = 40


def word(k: int) -> str:
    return chr(97 + k % 26) * (300 if k % 7 == 3 else k % 5)


def words(i: int, n: int) -> list[str]:
    return [word(i + k) for k in range(n)]


def numbers(i: int, n: int) -> list[float]:
    return [i + 0.5 * k for k in range(n)]


def lists(i: int, n: int) -> list[list[float]]:
    return [[10 * i + k + j for j in range((i + k) % 3)] for k in range(n)]


#: What each branch holds in entry i, n being i % 4: the same rules as in the C++ code that wrote the file.
EXPECTED: dict[str, Any] = {
    "d": numbers,
    "vd": lists,
    "vi": lists,
    "vs": words,
    "s": lambda i, n: word(i),
    "vvs": lambda i, n: [words(i + k, (i + k) % 3) for k in range(n)],
    "vvd": lambda i, n: [lists(i + k, (i + k) % 3) for k in range(n)],
    "text": lambda i, n: word(i),
    "holder.d": numbers,
    "holder.vi": lists,
    "holder.names": words,
    "holder.text": lambda i, n: word(i + 1),
    "elements.d": lambda i, n: [numbers(i + k, (i + k) % 3) for k in range(n)],
    "elements.names": lambda i, n: [words(i + k, (i + k) % 3) for k in range(n)],
    "elements.text": words,
    "elements.vd": lambda i, n: [lists(i + k, (i + k) % 3) for k in range(n)],
}


def plain(found: Nested, text: bool) -> list[Any]:
    """Nested lists, as the levels say."""
    rows: list[Any] = list(found.values.tolist())
    for number, counts in enumerate(reversed(found.levels)):
        edges = np.concatenate([[0], np.cumsum(counts)]).tolist()
        rows = [rows[a:b] for a, b in itertools.pairwise(edges)]
        if text and number == 0:
            rows = [bytes(row).decode() for row in rows]
    return rows


def read(tree: Tree, name: str, start: int, stop: int) -> list[Any]:
    branch = tree.branch(name)
    what = nested_of(branch)
    counts = tree.branch(what.count).read(start, stop).payload.view(">i4").astype(np.int64) if what.count else None
    form = what.form
    while form.inner is not None:
        form = form.inner
    return plain(read_nested(branch, what, start, stop, counts), form.kind == "string")


@pytest.mark.parametrize("name", EXPECTED)
def test_every_value_is_what_root_was_given(name: str) -> None:
    with open_root(str(FILE)) as file:
        expected = [EXPECTED[name](i, i % 4) for i in range(EVENTS)]
        assert read(file.tree("T"), name, 0, EVENTS) == expected
        for start, stop in ((0, 0), (0, 1), (3, 4), (7, 23), (39, 40)):
            assert read(file.tree("T"), name, start, stop) == expected[start:stop]


def test_vectors_of_numbers_stand_alike_where_root_writes_objects_one_by_one() -> None:
    with open_root(str(FILE)) as file:
        assert read(file.tree("O"), "vd", 0, EVENTS) == [lists(i, i % 4) for i in range(EVENTS)]


@pytest.mark.parametrize(("tree", "branch"), [("T", "split"), ("T", "one"), ("T", "whole"), ("O", "whole")])
def test_structures_are_the_same_in_every_form(tree: str, branch: str) -> None:
    fields = [{"name": n, "dtype": d, "note": "-"} for n, d in (("Line", "u1"), ("Time", "u4"), ("Charge", "f8"))]
    record = parse_record({"name": "Pair", "kind": "struct", "fields": fields}, {"provenance": "test", "status": "assumed"})
    with open_root(str(FILE)) as file:
        found = file.tree(tree).branch(branch)
        check_struct(found, record)
        for start, stop in ((0, EVENTS), (5, 6), (4, 5), (11, 30)):
            columns, counts = read_struct(found, record, start, stop)
            rows = [(i, k) for i in range(start, stop) for k in range(i % 4)]
            assert counts.tolist() == [i % 4 for i in range(start, stop)]
            assert columns["Line"].tolist() == [i + k for i, k in rows]
            assert columns["Time"].tolist() == [1000 * i + k for i, k in rows]
            assert columns["Charge"].tolist() == [0.25 * i + k for i, k in rows]


def vectors(*rows: list[int], version: int = 9, count: int | None = None) -> bytes:
    body = struct.pack(">H", version) + b"".join(struct.pack(">I", len(r)) + np.array(r, ">i4").tobytes() for r in rows)
    return struct.pack(">I", (len(body) if count is None else count) | 0x4000_0000) + body


MEMBER = NestedBranch(Form("vector", inner=Form("number", "i4")), "n", True)


def test_the_bit_of_members_is_refused_and_never_passed_over() -> None:
    entries = [vectors([1, 2], [3]), vectors([4], version=0x4009)]
    with pytest.raises(UnknownLayoutError, match="member by member"):
        read_nested(Column("b", entries), MEMBER, 0, 2, np.array([2, 1]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "n", "words"),
    [
        (b"\x40\x00\x00", 0, "shorter than the block"),
        (vectors([1], count=5), 1, "byte count"),
        (vectors([1]) + b"", 2, "ends inside"),
        (vectors([1], [2]), 1, "does not end"),
        (vectors([]) , 2**40, "ends inside"),
        (struct.pack(">IHI", 0x4000_0006, 9, 2**31), 1, "ends inside"),
    ],
)  # fmt: skip
def test_damage_names_the_entry_that_is_lost(wrong: bytes, n: int, words: str) -> None:
    branch = Column("b", [vectors([1]), vectors([], [5]), wrong, vectors([2])])
    with pytest.raises(CorruptFileError, match=words) as caught:
        read_nested(branch, MEMBER, 0, 4, np.array([1, 2, n, 1]))  # type: ignore[arg-type]
    assert (caught.value.start, caught.value.stop) == (2, 3)


def test_random_bytes_give_values_or_an_error_of_ours() -> None:
    rng = random.Random(4)
    forms = [parse_form(t) for t in ("vector<int>", "vector<vector<double>>", "vector<string>", "string", "vector<vector<std::string> >")]
    refused = 0
    for trial in range(400):
        good = bytearray(vectors([1, 2], [], [3], [7, 8, 9]))
        for _ in range(rng.randint(1, 4)):
            good[rng.randrange(len(good))] = rng.randrange(256)
        try:
            read_nested(Column("b", [bytes(good)] * 3), NestedBranch(forms[trial % 5], "n", True), 0, 3, np.array([4] * 3))  # type: ignore[arg-type]
        except (CorruptFileError, UnknownLayoutError):
            refused += 1
    assert refused > 300


@pytest.mark.parametrize("name", ["TLorentzVector", "map<string,int>", "vector<Hit>", "vector<bool*>", ""])
def test_other_types_are_refused_by_name(name: str) -> None:
    with pytest.raises(UnknownLayoutError, match="not read"):
        parse_form(name)
