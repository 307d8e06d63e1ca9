"""Headers of offline files: every line of real ones, in every form that was found, and damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot
from km3net_testdata import data_path

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.root import open_root
from antdask.sources.root_header import headers_of, parse_head, parse_multi_head

MULTI = "offline/multiHead.root"


def data(name: str, key: str) -> np.ndarray:
    with open_root(str(data_path(name))) as file:
        return file.object(key)


@pytest.mark.parametrize("name", [MULTI, "offline/numucc.root", "offline/empty_events.root", "mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root", "dst/orca4_sample.root"])  # fmt: skip
def test_every_line_is_the_one_that_uproot_reads(name: str) -> None:
    with uproot.open(data_path(name)) as file:
        (expected,) = (v for k, v in file["Head"].all_members.items() if k.startswith("map"))
    assert dict(parse_head(data(name, "Head"))) == {k.encode(): v.encode() for k, v in expected.items()}


def test_a_map_that_stands_pair_by_pair_is_read_where_uproot_fails() -> None:
    assert parse_head(data("offline/km3net_offline.root", "Header")) == [(b"DAQ", b" 21584.6")]
    assert parse_head(data("offline/usr-sample.root", "Header")) == []


def test_all_headers_of_a_multi_head_are_read() -> None:
    heads = parse_multi_head(data(MULTI, "MultiHead"))
    assert len(heads) == 17
    assert all(dict(h)[b"start_run"].strip().isdigit() for h in heads)
    assert len({dict(h)[b"UUID"] for h in heads}) == 17
    assert heads[0][:2] == [(b"GXMLPATH", b"/genie/genie_generator/genie_xsec/v3_00_02/NULL/G1802a00000-k500-e1000/data"), (b"UUID", b" 62f62473-b330-4118-8bb9-042e1d070ef4")]  # fmt: skip


@pytest.mark.parametrize("size", range(0, 304, 7))
def test_a_header_cut_anywhere_is_refused(size: int) -> None:
    whole = data(MULTI, "Head")
    with pytest.raises(CorruptFileError):
        parse_head(whole[:size])


def test_random_damage_gives_an_error_of_ours_or_a_header() -> None:
    rng, whole = np.random.default_rng(3), data(MULTI, "MultiHead")
    refused = 0
    for _ in range(200):
        wrong = whole.copy()
        wrong[rng.integers(0, 300, 3)] ^= rng.integers(1, 256, 3, dtype=np.uint8)
        try:
            parse_multi_head(wrong)
        except (CorruptFileError, UnknownLayoutError):
            refused += 1
    assert refused > 20


def test_a_damaged_header_leaves_the_others(tmp_path: Path) -> None:
    name, notes = "offline/multiHead.root", list[str]()
    with open_root(str(data_path(name))) as file:
        sound = headers_of(file, notes)
    assert (len(sound), notes) == (18, [])
    with uproot.open(data_path(name)) as file:
        key = file.key("Head")
    bad = bytearray(Path(data_path(name)).read_bytes())
    bad[key.fSeekKey + key.fKeylen + 30] ^= 0xFF
    (tmp_path / "x.root").write_bytes(bad)
    with open_root(str(tmp_path / "x.root")) as file:
        found = headers_of(file, notes)
    assert isinstance(found[0], CorruptFileError)
    assert found[1:] == sound[1:]
