"""Baskets that no tree lists are taken only where no doubt is left whose they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from antdask.sources.root_extents import entries_of, extents_of
from antdask.sources.root_records import Found


class Model:
    """A tree or a branch, as uproot would give it."""

    def __init__(self, name: str, listed: int = 0, children: tuple[Model, ...] = (), first: int = 1000) -> None:
        seeks = [first + 100 * k for k in range(listed)]
        self._members: dict[str, Any] = {
            "fName": name,
            "fBranches": list(children),
            "fWriteBasket": listed,
            "fBasketSeek": [*seeks, 0, 0],
            "fBasketBytes": [*[90] * listed, 0, 0],
            "fBasketEntry": [10 * k for k in range(listed + 2)],
        }

    def member(self, name: str) -> Any:
        return self._members[name]


def found(numbers: list[int], first: int = 1000) -> Found:
    n = len(numbers)
    seeks = np.array([first + 100 * k for k in numbers], np.int64)
    return Found(np.array(numbers, np.int64), seeks, np.full(n, 90), np.full(n, 200), np.full(n, 10), np.full(n, 4))


def tree(*branches: Model) -> Model:
    return Model("t", children=branches)


def test_a_branch_goes_on_up_to_the_first_basket_that_is_missing() -> None:
    extents = extents_of(tree(Model("n", 2), Model("m", 2, first=5000)), {"n": found([3, 0, 1, 2, 5]), "m": found([0, 1], 5000)})
    assert list(extents) == ["n"]
    assert extents["n"].places[:, 0].tolist() == [1000, 1100, 1200, 1300]
    assert extents["n"].places[:, 1].tolist() == [90] * 4
    assert extents["n"].edges.tolist() == [0, 10, 20, 30, 40]
    assert (extents["n"].more, extents["n"].nbytes) == (2, 400)


def test_branches_below_others_go_on_as_well() -> None:
    extents = extents_of(tree(Model("top", 0, (Model("n", 1),))), {"n": found([0, 1])})
    assert extents["n"].edges.tolist() == [0, 10, 20]


def both(a: Found, b: Found) -> Found:
    return Found(*(np.concatenate([getattr(f, name) for f in (a, b)]) for name in Found.__slots__))


@pytest.mark.parametrize(
    ("model", "baskets"),
    [
        (tree(Model("n", 2)), {"n": found([0, 1, 2]), "other": found([0])}),
        (tree(Model("n", 2)), {"n": both(found([0, 1, 2]), found([0], 9000))}),
        (tree(Model("n", 2)), {"n": both(found([0, 1, 2]), found([2], 9000))}),
        (tree(Model("n", 1), Model("n", 1, first=5000)), {"n": found([0, 1])}),
    ],
    ids=["a branch that the tree does not have", "a number that the tree lists elsewhere", "a number twice", "two branches of one name"],
)
def test_where_there_is_doubt_nothing_goes_on(model: Model, baskets: dict[str, Found]) -> None:
    assert extents_of(model, baskets) == {}


def test_entries_are_counted_by_the_branch_that_reaches_furthest() -> None:
    assert entries_of({"n": found([0, 1, 2]), "m": found([0, 2, 3])}) == 30
    assert entries_of({}) == 0


def test_a_lent_tree_gives_names_and_nothing_that_it_lists() -> None:
    extents = extents_of(tree(Model("n", 2), Model("m", 3)), {"n": found([1, 0], 7000)}, lent=True)
    assert extents["n"].places[:, 0].tolist() == [7000, 7100]
    assert extents["n"].edges.tolist() == [0, 10, 20]
    assert (extents["m"].edges.tolist(), extents["m"].places.shape, extents["m"].lent) == ([0], (0, 2), True)
