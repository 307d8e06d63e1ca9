"""Drafts of layout maps name every branch, guess by name, and become maps when somebody completes them."""

from __future__ import annotations

import importlib.resources
import random
import tomllib
from pathlib import Path

import pytest
from km3net_testdata import data_path

from antdask.errors import ConfigurationError, UnknownFormatError
from antdask.simulate import SimulationSpec, simulate
from antdask.sources import layout_map
from antdask.sources.map_draft import propose_map
from antdask.sources.root import open_root


def test_every_branch_of_every_tree_stands_in_the_draft(tmp_path: Path) -> None:
    raw, dst, _ = simulate(SimulationSpec(events=20), tmp_path)
    for path in (raw, dst):
        text = propose_map(str(path), origin="antdst" if path == dst else "antares_raw")
        document = tomllib.loads(text)
        drafted = {d["name"]: {c["source"] for c in d["columns"]} for d in document["datasets"]}
        with open_root(str(path)) as file:
            assert drafted == {name: {b.name for b in file.tree(name).branches} for name, kind in file.objects.items() if kind == "TTree"}
        assert "# object 'SIMULATED' (TNamed) is no tree" in text


def test_guesses_by_name_are_those_of_the_map_that_is_known(tmp_path: Path) -> None:
    raw, *_ = simulate(SimulationSpec(events=20), tmp_path)
    document = tomllib.loads(propose_map(str(raw)))
    known = layout_map.load("antares_raw_leaf_1")
    for name in ("PhysicsEvent", "SummarySlice", "McTruth"):
        (drafted,) = [d for d in document["datasets"] if d["name"] == name]
        assert drafted["stream"] == known.dataset(name).stream
        for column in known.dataset(name).columns:
            (found,) = [c for c in drafted["columns"] if c["source"] == column.source]
            assert (found["dtype"], found.get("count", ""), found.get("width", 1)) == (column.dtype, column.count, column.width)
            if "target" in found:
                assert found["target"].rpartition(".")[2] == column.field
            else:
                assert found["note"].startswith("UNMAPPED")
    guessed = [c["source"] for d in document["datasets"] if d["name"] == "PhysicsEvent" for c in d["columns"] if "target" in c]
    assert {
        "RunNumber",
        "FrameIndex",
        "TriggerCounter",
        "TriggerMask",
        "NHits",
        "Line",
        "Floor",
        "Ars",
        "TimeStamp",
        "Tvc",
        "Avc",
        "Triggered",
    } == set(guessed)


def test_a_draft_says_what_is_missing_until_it_is_complete(tmp_path: Path) -> None:
    raw, *_ = simulate(SimulationSpec(events=20), tmp_path)
    with pytest.raises(ConfigurationError, match=r"unit does not agree|Fields without source|more than one source"):
        layout_map.parse(tomllib.loads(propose_map(str(raw))), where="draft")


def test_real_files_of_unknown_layout_are_drafted_to_the_last_branch() -> None:
    path = str(data_path("offline/km3net_offline.root"))
    text = propose_map(path)
    assert text.startswith("# Draft of a layout map for km3net_offline.root")
    columns = {c["source"]: c for c in tomllib.loads(text)["datasets"][0]["columns"]}
    assert columns["frame_index"]["dtype"] == "i4"
    assert columns["w"]["note"] == "UNMAPPED, 0.000213 MB, vector<f8>"
    with open_root(path) as file:
        assert all(f"'{b.name}'" in text or f'"{b.name}"' in text for b in file.tree("E").walk())
    assert (
        '# no map can declare this form yet: { source = "trks.fitinf", dtype = "f8", count = "trks", note = "UNMAPPED, 0.016 MB, vector<f8>" },'
        in text
    )


def test_a_file_with_every_form_of_vector_is_drafted() -> None:
    text = propose_map(str(Path(__file__).parent / "data" / "nested.root"))
    lines = (line.partition("{")[2].rpartition("}")[0] for line in text.splitlines() if "no map can declare this form yet" in line)
    notes = {c["source"]: c["note"].rpartition(", ")[2] for c in (tomllib.loads(f"c = {{{line}}}")["c"] for line in lines)}
    assert (notes["vvd"], notes["vs"], notes["text"], notes["holder.vi"]) == (
        "vector<vector<vector<f8>>>",
        "vector<string>",
        "string",
        "vector<vector<i4>>",
    )
    assert "branch 'whole'" in text


def test_vectors_pointers_and_leaves_side_by_side_are_drafted() -> None:
    folder = importlib.resources.files("skhep_testdata").joinpath("data")
    document = tomllib.loads(propose_map(str(folder.joinpath("uproot-small-evnt-tree-fullsplit.root"))))
    columns = {c["source"]: c for c in document["datasets"][0]["columns"]}
    assert (columns["StlVecU16"]["dtype"], columns["StlVecU16"]["vector"]) == ("u2", True)
    assert (columns["SliceF64"]["dtype"], columns["SliceF64"]["count"]) == ("f8", "N")
    assert list(columns).index("N") < list(columns).index("SliceI16")
    document = tomllib.loads(propose_map(str(folder.joinpath("uproot-leaflist.root"))))
    ((column,), (record,)) = document["datasets"][0]["columns"], document["records"]
    assert (column["record"], record["kind"]) == ("leaflist", "leaves")
    assert [(f["name"], f["dtype"]) for f in record["fields"]] == [("x", "f8"), ("y", "i4"), ("z", "i1")]


def sample(count: int) -> list[str]:
    """ROOT files of scikit-hep-testdata, by chance but always the same ones; they are many kinds of trees, and some that are none."""
    folder = Path(str(importlib.resources.files("skhep_testdata").joinpath("data")))
    return random.Random(5).sample(sorted(p.name for p in folder.glob("*.root")), count)


@pytest.mark.parametrize("name", sample(24))
def test_any_root_file_is_drafted(name: str) -> None:
    path = str(importlib.resources.files("skhep_testdata").joinpath("data", name))
    text = propose_map(path)
    tomllib.loads(text)
    with open_root(path) as file:
        for tree in (file.tree(n) for n, kind in file.objects.items() if kind == "TTree"):
            assert all(b.name in text.replace("\\\\", "\\") for b in tree.walk())


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no")
    with pytest.raises(UnknownFormatError):
        propose_map(str(tmp_path / "a.txt"))
