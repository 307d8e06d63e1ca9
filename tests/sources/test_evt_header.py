"""Headers come back byte by byte, their words as numbers, and they say who made the particles and how they are numbered."""

from __future__ import annotations

import math
from typing import Any

import pytest

from antdask.sources.evt_header import CORSIKA, GEANT3, NOT_STATED, PDG, Header, header_batch, numbers, parse
from antdask.sources.evt_text import NUMBER, OVERFLOW, TEXT
from tests.sources import evt_samples as samples


@pytest.mark.parametrize("name", samples.FILES)
def test_every_byte_of_a_real_header_is_kept(name: str) -> None:
    batch = samples.whole(samples.path(name), "headers")
    assert batch.problems() == []
    (lines,) = samples.texts(batch)
    text = samples.read_bytes(name)
    assert b"".join(n + b":" + v + b"\n" for n, v, _ in lines) + b"end_event:" == text[: text.index(b"end_event:") + 10]
    assert batch.tables["headers"]["run"].tolist() == [samples.FILES[name][1]]


def values(name: str, key: bytes) -> list[list[Any]]:
    """Words of every line of this name in the archive, ``None`` for overflow, the word itself where it is no number."""
    batch = samples.whole(samples.path(name), "headers")
    found = []
    for n, (line, _, _) in enumerate(samples.texts(batch)[0]):
        if line == key:
            rows = slice(*batch.offsets["numbers"][n : n + 2])
            words = zip(batch.tables["numbers"]["value"][rows].tolist(), batch.tables["numbers"]["word"][rows].tolist(), strict=True)
            found.append([None if state == OVERFLOW else value if state == NUMBER else "word" for value, state in words])
    return found


def test_names_repeat_and_stay_in_order() -> None:
    assert values("evt/example_numuNC.evt", b"seed") == [["word", 3, 4245, 0, 0], ["word", 3, 1000], ["word", 3, 12345678, 0, 0]]
    assert len(values("gseagen/gseagen_v7.0.0_numuCC_diffuse.evt", b"simul")) == 3


def test_glued_columns_of_a_real_header_are_told_apart() -> None:
    assert values("evt/example_numuNC.evt", b"cut_nu") == [[100.0, 1e8, -1.0, 1.0]]


def test_stars_of_a_real_header_are_missing_and_counted() -> None:
    assert values("evt/example_corant_propa.evt", b"can") == [[0.0, 922.0, None]]
    assert samples.whole(samples.path("evt/example_corant_propa.evt"), "headers").tables["headers"]["n_overflow"].tolist() == [1]


def test_empty_values_and_colons_and_tabs_and_padding() -> None:
    assert values("evt/example_numuNC.evt", b"node") == [[]]
    assert values("evt/example_corant_propa.evt", b"det_geo") == [[]]
    assert values("evt/example_corant_propa.evt", b"physics")[1] == ["word", "word", 12853.0]
    assert values("evt/corant_5.1.9.evt", b"cut_primary") == [[1e3, 1e9, -1.0, -0.052]]
    assert values("evt/example_numuNC.evt", b"detector") == [["word", 1, 1]] * 2


@pytest.mark.parametrize(
    ("value", "states"),
    [
        (b" 7.1-120213 02-03 v4.0-2-g8eaa3c7-191009 5296:529", [TEXT] * 4),
        (b"-1.0-2.0+3.5", [NUMBER] * 3),
        (b"1.5**** ****-1.5 3****", [NUMBER, OVERFLOW, OVERFLOW, NUMBER, TEXT]),
        (b"1.0-abc", [TEXT]),
        (b"", []),
    ],
)
def test_only_reals_are_taken_apart(value: bytes, states: list[int]) -> None:
    found = numbers(value)
    assert [state for _, state in found] == states
    assert all(math.isnan(v) == (state != NUMBER) for v, state in found)


PROGRAMS = {
    "evt/KM3Sim.evt": ("gseagen", GEANT3),
    "evt/corant_5.1.9.evt": ("corant", PDG),
    "evt/example_corant_propa.evt": ("corant", CORSIKA),
    "evt/example_numuNC.evt": ("genhen", GEANT3),
    "mupage/mcv5.0.mupage_1G.5.evt": ("mupage", GEANT3),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_header_tells_the_generator_and_the_numbering(name: str) -> None:
    text = samples.read_bytes(name)
    header = parse(text[: text.index(b"end_event:")])
    assert (header.generator, header.numbering) == PROGRAMS[name]


def test_an_unknown_generator_numbers_in_an_unknown_way() -> None:
    assert (parse(b"start_run: 7\nphysics: other 1").numbering, parse(b"start_run: 7").generator) == (NOT_STATED, "evt")
    assert parse(b"start_run: 7\r\nsimul:\r\n").run == 7


@pytest.mark.parametrize("line", [b"start_run:", b"start_run: x", b"start_run: -1", b"start_run: 4294967296", b"start_run: 1 2"])
def test_a_run_is_one_whole_number(line: bytes) -> None:
    with pytest.raises(ValueError, match="start_run"):
        _ = parse(line).run


def test_a_line_without_colon_has_no_name() -> None:
    header = parse(b"start_run: 1\nno colon here\n\nend_event:")
    assert header.lines == [(b"start_run", b" 1"), (b"", b"no colon here"), (b"", b"")]


def test_headers_without_lines_and_words_make_a_sound_batch() -> None:
    for headers in ([], [(1, [])], [(1, [(b"", b"", b"")]), (2, [(b"a", b" 1 *", b"note")])]):
        batch = header_batch(headers, 5, "evt_ascii")
        assert batch.problems() == []
        assert batch.tables["headers"]["source_entry"].tolist() == list(range(5, 5 + len(headers)))
    assert batch.tables["headers"]["n_overflow"].tolist() == [0, 1]
    assert samples.texts(batch) == [[(b"", b"", b"")], [(b"a", b" 1 *", b"note")]]
    assert isinstance(parse(b"a: 1"), Header)
