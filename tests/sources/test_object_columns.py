"""Members of split objects become columns and offsets; what does not fit is refused with its entries."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.ragged import Batch
from antdask.simulate.root_tree import Branch
from antdask.sources import layout_map, offline_derived
from antdask.sources.layout_dataset import Dataset
from antdask.sources.object_columns import ObjectColumns
from antdask.sources.root import open_root
from tests.sources import offline_samples as samples
from tests.sources.mapped_samples import write_trees

ORIGIN = "km3net_offline"


def dataset(name: str) -> Dataset:
    return layout_map.load("km3net_offline_1").dataset(name)


def test_levels_become_the_offsets_of_the_tables_above() -> None:
    with open_root(samples.path("offline/numucc.root")) as file:
        columns = ObjectColumns(file.tree("E"), dataset("E/mc"), ORIGIN)
        parts = columns.read(0, 10)
        batch = columns.batch(parts, offline_derived.derive(columns.dataset, parts, 0, 10), 0, 10)
    assert batch.problems() == []
    names = batch.tables["particle_usr_name_bytes"]["byte"].tobytes()
    edges = batch.offsets["particle_usr_name_bytes"]
    batch.offsets["particle_usr_names"][:2].tolist()
    # The neutrino of the first event: names and numbers as uproot reads them.
    assert [names[a:b] for a, b in itertools.pairwise(edges[:5])] == [b"bx", b"by", b"ichan", b"cc"]
    assert batch.tables["particle_usr"]["value"][:4].tolist() == [0.249465, 0.19258, -1.0, 2.0]


def test_only_what_is_asked_for_is_read_with_its_counter() -> None:
    with open_root(samples.path("offline/usr-sample.root")) as file:
        columns = ObjectColumns(file.tree("E"), dataset("E"), ORIGIN)
        assert set(columns.read(0, 3, {"hits.tot", "det_id", "unknown"})) == {"hits", "hits.tot", "det_id"}
        assert "header_uuid[16]" not in {leaf.name for leaf in columns.leaves}


def read(file: str, name: str) -> Batch:
    with open_root(samples.path(file)) as opened:
        columns = ObjectColumns(opened.tree("E"), dataset(name), ORIGIN)
        stop = columns.tree.entries
        parts = columns.read(0, stop)
        return columns.batch(parts, offline_derived.derive(columns.dataset, parts, 0, stop), 0, stop)


def test_a_missing_member_stands_as_a_missing_value() -> None:
    assert np.isnan(read("mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root", "E/mc").tables["hits"]["pure_time_ns"]).all()
    assert set(read("offline/numucc.root", "E/trks").tables["tracks"]["status"].tolist()) == {-(2**31)}
    assert not read("offline/numucc.root", "E").tables["events"]["header_uuid"].any()
    without = read("offline/km3net_offline.root", "E")
    assert without.problems() == []
    assert not without.offsets["usr"].any()


def test_another_tree_is_refused_by_name(tmp_path: Path) -> None:
    path = write_trees(tmp_path / "a.root", {"E": ([Branch("run_id", "i4")], {"run_id": np.arange(3, dtype="i4")})})
    with open_root(path) as file, pytest.raises(UnknownLayoutError, match="no branch 'hits'"):
        ObjectColumns(file.tree("E"), dataset("E"), ORIGIN)


def test_a_value_that_its_field_cannot_hold_names_the_entry() -> None:
    with open_root(samples.path("offline/numucc.root")) as file:
        columns = ObjectColumns(file.tree("E"), dataset("E"), ORIGIN)
        parts = columns.read(0, 10)
        third = int(parts["hits.tot"].levels[0][:3].sum())
        values = parts["hits.tot"].values.copy()
        values[third] = 256
        wrong = {**parts, "hits.tot": type(parts["hits.tot"])(values, parts["hits.tot"].levels)}
        with pytest.raises(CorruptFileError, match=r"'hits\.tot' holds a value that 'tot' cannot hold") as caught:
            columns.batch(wrong, {}, 0, 10)
    assert (caught.value.start, caught.value.stop) == (3, 4)


def test_members_of_one_vector_must_be_as_many() -> None:
    with open_root(samples.path("offline/numucc.root")) as file:
        columns = ObjectColumns(file.tree("E"), dataset("E"), ORIGIN)
        parts = columns.read(0, 2)
        part = parts["hits.t"]
        wrong = {**parts, "hits.t": type(part)(part.values, (part.levels[0] + np.array([1, -1]),))}
        with pytest.raises(CorruptFileError, match="differ in length"):
            columns.batch(wrong, {}, 0, 2)
