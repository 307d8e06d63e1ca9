"""The words in which the values of options are written."""

from __future__ import annotations

import click
import pytest

from antdask.cli.options import parse_list, parse_range, parse_size
from antdask.errors import UsageError


def test_sizes_carry_units() -> None:
    assert [parse_size(t) for t in ("1000", "64kB", "1.5 MiB", "2GB")] == [1000, 64_000, 1_572_864, 2_000_000_000]


@pytest.mark.parametrize("text", ["many", "12 parsec", ""])
def test_what_is_no_size_is_refused_with_examples(text: str) -> None:
    with pytest.raises(click.BadParameter, match="Examples: 512MB"):
        parse_size(text)


def test_a_range_is_one_number_or_half_open() -> None:
    assert parse_range("--run", "7") == range(7, 8)
    assert parse_range("--run", "7:9") == range(7, 9)


@pytest.mark.parametrize("text", ["", "a", "1:b", "1:2:3", ":5", "1-2"])
def test_what_is_no_range_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="--run is a number, or FIRST:END"):
        parse_range("--run", text)


def test_a_list_of_inputs_has_one_on_each_line_or_is_that_of_find() -> None:
    assert parse_list(b"/a b\t.root\r\n#no\n  \n caf\xe9.h5") == ("/a b\t.root", " caf\udce9.h5")
    assert parse_list(b"#a\nb.root\0/c.root\0") == ("#a\nb.root", "/c.root")
    assert parse_list(b"") == ()
