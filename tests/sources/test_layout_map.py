"""Layout maps: what comes with antdask is true to the model, and what is not is refused with a reason."""

from __future__ import annotations

import copy
import math
import random
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import h5py
import pytest

from antdask.errors import ConfigurationError, UnknownNameError
from antdask.sources import layout_map
from tests.sources.seatray_samples import REAL

TEXT = files("antdask.sources").joinpath("maps", "seatray_hdf5_3.toml").read_text()
DOCUMENT = tomllib.loads(TEXT)


def edited(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return document


def column(document: dict[str, Any], dataset: str, source: str) -> dict[str, Any]:
    (found,) = [c for d in document["datasets"] if d["name"] == dataset for c in d["columns"] if c["source"] == source]
    return found


@pytest.mark.parametrize("name", layout_map.names())
def test_every_map_of_antdask_is_sound_and_named_like_its_file(name: str) -> None:
    found = layout_map.load(name)
    assert found.layout == name
    assert len(found.hash) == 64
    # What rests on assumptions is what nobody outside has seen: raw data, and one unit of the DST.
    assert bool(found.assumed()) == name.startswith("ant")


def test_the_seatray_map_declares_the_real_file_to_the_last_column_and_unit() -> None:
    found = layout_map.load("seatray_hdf5_3")
    with h5py.File(REAL) as file:
        for name, declared in found.datasets.items():
            real = file[name]
            units = [real.attrs[f"FIELD_{n}_UNIT"].decode() for n in range(len(real.dtype.names))]
            assert [(c.source, c.dtype, c.unit) for c in declared.columns] == [
                (n, real.dtype[n].str[1:], u) for n, u in zip(real.dtype.names, units, strict=True)
            ]
        names: list[str] = []
        file.visititems(lambda n, x: names.append(n) if isinstance(x, h5py.Dataset) else None)
    assert set(names) == set(found.datasets)


def test_targets_are_told_by_table() -> None:
    pulses = layout_map.load("seatray_hdf5_3").dataset("CalibratedPulses")
    assert pulses.targets("events") == {"trigger_counter": "TriggerCounter"}
    assert pulses.targets("hits")["charge_pe"] == "charge"
    assert [d.field for d in pulses.derived] == ["floor", "n_hits", "n_triggered", "charge_sum_pe"]


def test_unknown_maps_and_data_sets_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'seatray_hdf5_3'"):
        layout_map.load("seatray_hdf5_2")
    with pytest.raises(UnknownNameError, match="Did you mean 'CalibratedPulses'"):
        layout_map.load("seatray_hdf5_3").dataset("CalibratedPulse")


WRONG: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a field that is not in the model": (lambda d: column(d, "CalibratedPulses", "time").update(target="time_us"), "Unknown target field 'time_us'.*Did you mean 'time_ns'"),
    "a table that is not in the model": (lambda d: column(d, "CalibratedPulses", "time").update(target="hit.time_ns"), "Unknown table 'hit'"),
    "a field of another origin": (lambda d: column(d, "CalibratedPulses", "time").update(target="tdc"), "Unknown target field 'tdc'"),
    "a stream that is not in the model": (lambda d: d["datasets"][0].update(stream="event"), "Unknown stream 'event'"),
    "another unit than the field": (lambda d: column(d, "CalibratedPulses", "time").update(unit="us"), "unit does not agree with field 'time_ns'.*expected 'ns', found 'us'"),
    "no unit where the field has one": (lambda d: column(d, "CalibratedPulses", "time").pop("unit"), "unit does not agree"),
    "a real number for an integer": (lambda d: column(d, "CalibratedPulses", "id").update(dtype="f8"), "dtype does not fit field 'hit_id'"),
    "a real number too wide": (lambda d: column(d, "CalibratedPulses", "time").update(dtype="f16"), "dtype does not fit"),
    "no dtype at all": (lambda d: column(d, "CalibratedPulses", "time").update(dtype="float99"), "not of its form"),
    "a column that stands twice": (lambda d: d["datasets"][1]["columns"].append(d["datasets"][1]["columns"][5]), "stands twice"),
    "a field with two sources": (lambda d: column(d, "CalibratedPulses", "width").update(target="time_ns"), "more than one source.*hits.time_ns"),
    "a field without source": (lambda d: column(d, "CalibratedPulses", "width").pop("target"), "needs a note|Fields without source.*hits.width_ns"),
    "a column without target or note": (lambda d: column(d, "CalibratedPulses", "Run").pop("note"), "needs a note"),
    "a derived field from nowhere": (lambda d: d["datasets"][1]["derived"][0].update(sources=["module"]), "Unknown source column 'module'"),
    "an unknown status": (lambda d: d.update(status="sure"), "Unknown status.*expected 'verified' or 'assumed', found 'sure'"),
    "an unknown key": (lambda d: d["datasets"][0].update(straem="events"), "Unknown key 'straem'.*Did you mean 'stream'"),
    "a missing key": (lambda d: d.pop("origin"), "Missing in the map"),
    "columns that are no list": (lambda d: d["datasets"][0].update(columns="all"), "not of its form"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_map_that_contradicts_the_model_is_refused(what: str) -> None:
    change, words = WRONG[what]
    with pytest.raises(ConfigurationError, match=words) as caught:
        layout_map.parse(edited(change), where="changed.toml")
    assert "changed.toml" in str(caught.value)


def test_strict_refuses_assumed_columns_by_name() -> None:
    document = edited(lambda d: column(d, "CalibratedPulses", "width").update(status="assumed"))
    assert layout_map.parse(document, where="m").assumed() == ["CalibratedPulses/width"]
    with pytest.raises(ConfigurationError, match=r"strict mode refuses.*CalibratedPulses/width"):
        layout_map.parse(document, where="m", strict=True)


def test_the_hash_changes_with_what_determines_values_and_not_with_words() -> None:
    hashes = {
        layout_map.parse(edited(change), where="m").hash
        for change in (
            lambda d: None,
            lambda d: d.update(provenance="another"),
            lambda d: column(d, "CalibratedPulses", "width").update(note="another"),
        )
    }
    assert hashes == {layout_map.load("seatray_hdf5_3").hash}
    swapped = edited(
        lambda d: (
            column(d, "CalibratedPulses", "time").update(target="width_ns"),
            column(d, "CalibratedPulses", "width").update(target="time_ns"),
        )
    )
    assert layout_map.parse(swapped, where="m").hash not in hashes


MAPPED = tomllib.loads(files("antdask.sources").joinpath("maps", "antares_raw_packed_1.toml").read_text())

WRONG_IN_TREES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a counter that is not there": (lambda d: column(d, "PhysicsEvent", "Triggered").update(count="NHit"), "Unknown source column 'NHit'.*Did you mean 'NHits'"),
    "a counter that comes later": (lambda d: column(d, "PhysicsEvent", "Storey").update(count="Triggered"), "Unknown source column 'Triggered'"),
    "a record that is not there": (lambda d: column(d, "PhysicsEvent", "Records").update(record="wf_hit"), "Unknown record 'wf_hit'"),
    "a field of a record that is not in the model": (lambda d: d["records"][2]["fields"][0].update(target="hits.arc"), "Unknown target field 'arc'"),
    "a field of a record that no source gives": (lambda d: d["records"][2]["fields"][3].update(target="", note="not wanted"), "Fields without source.*hits.avc"),
    "limits in the wrong order": (lambda d: column(d, "PhysicsEvent", "NHits").update(valid=[5, 1]), "'valid' is the smallest and the largest value"),
    "a constant without a note": (lambda d: d["constants"]["frame_ns"].pop("note"), "Missing in constant 'frame_ns'"),
    "a derived field from a tree that is not there": (lambda d: d["datasets"][1]["derived"][0].update(sources=["Header/Start"]), "Unknown source column 'Header/Start'"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG_IN_TREES)
def test_what_a_map_says_of_trees_is_checked(what: str) -> None:
    change, words = WRONG_IN_TREES[what]
    document = copy.deepcopy(MAPPED)
    change(document)
    with pytest.raises(ConfigurationError, match=words):
        layout_map.parse(document, where="changed.toml")


def test_assumptions_are_listed_down_to_the_bits_and_constants() -> None:
    assumed = layout_map.load("antares_raw_packed_1").assumed()
    assert {"constants/first_frame", "PhysicsEvent/Records.timestamp", "PhysicsEvent/om", "SummarySlice/Count"} <= set(assumed)
    assert "constants/frame_ns" not in assumed
    assert layout_map.load("antdst_sel_1").assumed() == ["sel/BaselineRate"]


def test_maps_of_ones_own_are_found_in_the_folder_of_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "seatray_hdf5_4.toml").write_text(TEXT.replace('layout = "seatray_hdf5_3"', 'layout = "seatray_hdf5_4"'))
    (tmp_path / "misnamed.toml").write_text(TEXT)
    monkeypatch.setenv("ANTDASK_MAPS", str(tmp_path))
    assert {"seatray_hdf5_3", "seatray_hdf5_4"} <= set(layout_map.names("seatray_hdf5"))
    assert layout_map.load("seatray_hdf5_4").layout == "seatray_hdf5_4"
    with pytest.raises(ConfigurationError, match="named like its layout"):
        layout_map.load("misnamed")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to everything in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*path, key)
        yield from places(one, (*path, key))


@pytest.mark.parametrize("seed", range(3))
def test_anything_in_place_of_anything_gives_a_map_or_says_what_is_wrong(seed: int) -> None:
    rng, odd = random.Random(seed), (0, -1, 1.5, True, "", "x", "i8", ">f4", "V", [], ["x"], {}, {"a": 1}, [{}], 2**70, "hits/x", math.nan)
    names, refused = layout_map.names(), 0
    documents = {name: tomllib.loads((files(layout_map.__package__) / "maps" / f"{name}.toml").read_text()) for name in names}
    for _ in range(100):
        document = copy.deepcopy(documents[rng.choice(names)])
        *above, last = rng.choice(list(places(document)))
        place: Any = document
        for key in above:
            place = place[key]
        place[last] = rng.choice(odd)
        try:
            layout_map.parse(document, where="map.toml")
        except ConfigurationError as error:
            assert "map.toml" in str(error)
            refused += 1
    assert refused > 50
