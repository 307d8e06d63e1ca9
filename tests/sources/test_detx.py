"""DETX: every value of every real file against an independent parse; and what is no DETX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antdask.errors import UnknownLayoutError
from antdask.sources import datx, detx
from tests.sources import detector_samples as samples

V1, V2, V3, V4 = (f"detx/detx_v{n}.detx" for n in (1, 2, 3, 4))


def data_of(name: str) -> bytes:
    return Path(samples.path(name)).read_bytes()


def parsed(data: bytes) -> dict[str, object]:
    batch = detx.parse(data).batch()
    assert batch.problems() == []
    return samples.plain(batch)


@pytest.mark.parametrize("name", samples.DETX)
def test_every_value_equals_the_file(name: str) -> None:
    found, expected = parsed(data_of(name)), samples.detx(name)
    assert found["pmts"] == expected["pmts"]
    for key in ("comments", "modules", "head"):
        # As text, since NaN is not equal to NaN; to the last bit all the same.
        assert repr(found[key]) == repr(expected[key]), key


def test_lines_between_comments_continue_the_one_before() -> None:
    name = samples.MULTILINE
    lines = Path(samples.path(name)).read_text().splitlines()
    last = max(n for n, line in enumerate(lines) if line.startswith("#"))
    strays = [n for n in range(last) if not lines[n].startswith("#")]
    assert len(strays) == 71
    found = parsed(data_of(name))
    (long,) = [c for c in found["comments"] if "\n" in c]
    assert long.splitlines()[1:] == [lines[n] for n in strays]
    assert len(found["comments"]) == sum(line.startswith("#") for line in lines)
    assert found["head"][:3] == (49, 5, 1580056200.0)
    assert (len(found["modules"]), len(found["pmts"])) == (114, 3348)


def test_the_binary_twin_says_the_same() -> None:
    left = detx.parse(data_of("detx/KM3NeT_00000133_20221025.detx")).batch()
    right = datx.parse(data_of("datx/KM3NeT_00000133_20221025.datx")).batch()
    # The binary file holds directions and quaternions made unit vectors, the text rounds them to six digits.
    for table, vector in (("modules", ("q0", "qx", "qy", "qz")), ("pmts", ("dx", "dy", "dz"))):
        norm = np.sqrt(sum(left.tables[table][k] ** 2 for k in vector))
        for name, values in left.tables[table].items():
            other = right.tables[table][name]
            if name in vector:
                np.testing.assert_allclose(values / norm, other, rtol=0, atol=1e-15, err_msg=name)
            else:
                np.testing.assert_array_equal(values, other, err_msg=name)
    for name in ("detectors", "comments", "comment_bytes"):
        for column, values in left.tables[name].items():
            np.testing.assert_array_equal(values, right.tables[name][column], err_msg=column)
    for name, offsets in left.offsets.items():
        np.testing.assert_array_equal(offsets, right.offsets[name])


@pytest.mark.parametrize("name", [*samples.DETX, samples.MULTILINE])
def test_every_file_is_recognised(name: str) -> None:
    assert detx.looks_like(data_of(name)[: 2**20])


@pytest.mark.parametrize("name", [V1, V2, V3, V4])
def test_a_file_cut_at_any_byte_is_refused(name: str) -> None:
    data = data_of(name)
    places = range(len(data.rstrip())) if len(data) < 1000 else np.random.default_rng(4).integers(0, len(data.rstrip()), 40)
    for size in places:
        with pytest.raises(ValueError, match=r"line|header|modules"):
            detx.parse(data[:size])


WRONG = {
    "a word too few": (V3, b" 20.1 0\n", b" 0\n", r"line \d+ has 8 words instead of 9"),
    "a word too many": (V2, b" 280.7\n", b" 280.7 0\n", "has 9 words instead of 8"),
    "a module too few": (V1, b"1 6\n", b"1 7\n", "announces 7 modules, 6 follow"),
    "a module too many": (V1, b"1 6\n", b"1 5\n", "stands behind the last module"),
    "a tube too many": (V1, b"1 1 1 3", b"1 1 1 4", "has 4 words instead of 8"),
    "tubes beyond the end": (V1, b"6 2 3 3", b"6 2 3 30", "announces 30 photomultipliers, 3 lines follow"),
    "a negative number of tubes": (V1, b"1 1 1 3", b"1 1 1 -3", "announces -3"),
    "letters for a number": (V1, b"23.4", b"2x.4", "could not convert"),
    "a real number for an identifier": (V1, b"\n 18 ", b"\n 1.8 ", "invalid literal"),
    "an identifier beyond 32 bits": (V1, b"\n 18 ", b"\n 4294967296 ", "pmt_id does not fit int32"),
    "an identifier beyond 64 bits": (V1, b"\n 18 ", b"\n 99999999999999999999 ", "too large"),
    "an underscore in a number": (V1, b"23.4", b"2_3.4", "underscore"),
    "no reference": (V2, b"UTM WGS84 32N", b"XYZ WGS84 32N", "lacks validity, UTM reference"),
    "a reference of another form": (V2, b"UTM WGS84 32N", b"UTM WGS84", "has 5 words instead of 6"),
    "a long name of the ellipsoid": (V2, b"WGS84", b"W" * 17, "utm_ellipsoid has more than 16 bytes"),
    "no header": (V3, b"23 v3\n", b"", "is no header"),
    "text before the comments": (V3, b"# a comment", b"hello\n# a comment", "text before the first comment"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_follow_the_format_is_named(what: str) -> None:
    name, old, new, words = WRONG[what]
    data = data_of(name)
    assert old in data
    with pytest.raises((ValueError, OverflowError), match=words):
        detx.parse(data.replace(old, new)).batch()


def test_an_unknown_version_is_no_damage() -> None:
    with pytest.raises(UnknownLayoutError, match="version of DETX is not known: expected 1 to 5, found 6"):
        detx.parse(data_of(V3).replace(b"23 v3", b"23 v6"))


def test_line_ends_of_windows_make_no_difference() -> None:
    assert repr(parsed(data_of(V3).replace(b"\n", b"\r\n"))) == repr(parsed(data_of(V3)))


@pytest.mark.parametrize("text", [b"7 0\n", b"7 v5\n0 1\nUTM WGS84 31N 1 2 3\n0\n"])
def test_a_detector_without_modules_is_a_row(text: bytes) -> None:
    found = parsed(text)
    assert (found["head"][0], found["modules"], found["pmts"]) == (7, [], [])


@given(st.binary(max_size=300))
def test_any_bytes_give_a_detector_or_a_reason(data: bytes) -> None:
    try:
        detx.parse(b"3 v2\n0 1\nUTM WGS84 32N 0 0 0\n1\n" + data + b"\n")
    except (ValueError, OverflowError) as error:
        assert str(error)
