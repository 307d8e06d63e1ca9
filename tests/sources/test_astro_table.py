"""Tables of astropy under a map: masked values are missing and not zero, units are compared, and columns that no map declares are named."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.model.mc_fields import NO_NUMBER
from antdask.model.time import NO_TIME
from antdask.sources.astro_hdf5 import ID, MC, RECO, SOURCE
from tests.sources import astro_samples as samples

MASKED = ("likelihood", "rec_stage", "quality")


def masked(file: h5py.File) -> None:
    """Mask three fits, in a column of numbers, one of whole numbers, and one that no map declares."""
    columns, lines = samples.columns(RECO), samples.words(RECO)
    columns["quality"] = np.arange(10) + 0.5
    said = ["meta: !!omap", "- __serialized_columns__:"]
    kept = lines[lines.index(said[0]) + 2 :]
    own = kept[kept.index("    pos_x:") :]
    lines = [*lines[: lines.index(said[0])], "- {name: quality, unit: deg, datatype: float64}"]
    for name in MASKED:
        columns[f"{name}.mask"] = np.arange(10) % 4 == 1
        lines.append(f"- {{name: {name}.mask, datatype: bool}}")
        said += [f"    {name}:", "      __class__: astropy.table.column.MaskedColumn"]
        said += [f"      {k}: !astropy.table.SerializedColumn {{name: {n}}}" for k, n in (("data", name), ("mask", f"{name}.mask"))]
    samples.rewrite(file, RECO, columns, [*lines, *said, *own])


def test_what_is_masked_is_missing_and_not_zero(tmp_path: Path) -> None:
    path = samples.changed(tmp_path, masked)
    batch, rows = samples.whole(path, RECO), samples.table(RECO)
    hidden = np.arange(10) % 4 == 1
    tracks = batch.tables["tracks"]
    np.testing.assert_array_equal(tracks["lik"], np.where(hidden, np.nan, rows["likelihood"]))
    assert tracks["rec_stage"].tolist() == np.where(hidden, NO_NUMBER, 4000).tolist()
    np.testing.assert_array_equal(tracks["energy"], rows["energy"])
    parameters = batch.tables["parameters"]
    np.testing.assert_array_equal(parameters["value"], np.where(hidden, np.nan, np.arange(10) + 0.5))
    assert set(parameters["parameter_id"].tolist()) == {zlib.crc32(b"quality")}
    assert "column 'quality' of 'RECO/RECO_EVENTS' is a parameter: no map declares it" in SOURCE.describe(path).notes


def test_columns_that_no_map_declares_are_named_where_nothing_can_keep_them(tmp_path: Path) -> None:
    def add(file: h5py.File) -> None:
        lines = [*samples.words(MC), "- {name: flux, datatype: float64}", "- {name: label, datatype: string}"]
        samples.rewrite(file, MC, {**samples.columns(MC), "flux": np.ones(10), "label": np.array([b"x"] * 10)}, lines)

    notes = SOURCE.describe(samples.changed(tmp_path, add)).notes
    assert "column 'flux' of 'MC/MC_EVENTS' is not archived: no map declares it" in notes
    assert "column 'label' of 'MC/MC_EVENTS' is not archived: it holds no numbers" in notes


def without(name: str, *gone: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        columns = {n: c for n, c in samples.columns(name).items() if n not in gone}
        samples.rewrite(file, name, columns, [line for line in samples.words(name) if not any(f"name: {g}," in line for g in gone)])

    return change


def test_a_column_that_is_not_there_is_named_and_marked(tmp_path: Path) -> None:
    path = samples.changed(tmp_path, without(MC, "pos_x", "energy"))
    assert [n for n in SOURCE.describe(path).notes if "missing" in n] == [
        "column 'energy' of 'MC/MC_EVENTS' is missing",
        "column 'pos_x' of 'MC/MC_EVENTS' is missing",
    ]
    particles = samples.whole(path, MC).tables["particles"]
    assert np.isnan(particles["x"]).all() and np.isnan(particles["energy"]).all()
    np.testing.assert_array_equal(particles["y"], samples.table(MC)["pos_y"])


def test_a_column_that_every_such_table_has_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownLayoutError, match="'pdg_id' of 'MC/MC_EVENTS' is missing"):
        SOURCE.describe(samples.changed(tmp_path, without(MC, "pdg_id")))


def reworded(name: str, old: str, new: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        lines = "\n".join(samples.words(name))
        assert old in lines
        samples.rewrite(file, name, samples.columns(name), lines.replace(old, new).split("\n"))

    return change


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (MC, "energy, unit: GeV", "energy, unit: TeV", r"'energy' of 'MC/MC_EVENTS' stands in another unit.*GeV, found TeV"),
        (RECO, "theta_detectorframe, unit: rad", "theta_detectorframe, unit: deg", "'theta_detectorframe'.*another unit.*deg"),
        (RECO, "tracktime_ns, unit: ns", "tracktime_ns, unit: s", "'tracktime_ns'.*another unit"),
        (ID, "      scale: utc", "      scale: tai", "scale or a format that is not known.*tai"),
        (ID, "    timeslice_utc_time:\n      __class__: astropy.time.core.Time", "    timeslice_utc_time:\n      __class__: some.Time", "not known.*some.Time"),
    ],
)  # fmt: skip
def test_other_units_and_other_times_are_refused(tmp_path: Path, name: str, old: str, new: str, words: str) -> None:
    with pytest.raises(UnknownLayoutError, match=words):
        SOURCE.describe(samples.changed(tmp_path, reworded(name, old, new)))


def test_a_stated_unit_that_agrees_is_no_other_unit(tmp_path: Path) -> None:
    path = samples.changed(tmp_path, reworded(MC, "pos_x, datatype", "pos_x, unit: m, datatype"))
    np.testing.assert_array_equal(samples.whole(path, MC).tables["particles"]["x"], samples.table(MC)["pos_x"])


def test_parts_that_are_not_said_to_be_a_time_are_none(tmp_path: Path) -> None:
    def forget(file: h5py.File) -> None:
        samples.rewrite(file, ID, samples.columns(ID), samples.words(ID)[:4])

    with pytest.raises(UnknownLayoutError, match=r"'ID' are no time.*timeslice_utc_time\.jd1"):
        SOURCE.describe(samples.changed(tmp_path, forget))


def test_a_table_that_contradicts_its_description_is_damaged(tmp_path: Path) -> None:
    for old, new in (("pdg_id, datatype: int32", "pdg_id, datatype: int64"), ("name: pos_x,", "name: pos_w,")):
        with pytest.raises(CorruptFileError, match="contradict each other"):
            SOURCE.describe(samples.changed(tmp_path, reworded(MC, old, new)))


def test_a_table_without_description_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownLayoutError, match="__table_column_meta__' is missing"):
        SOURCE.describe(samples.changed(tmp_path, lambda file: file.pop(MC + samples.META)))


@pytest.mark.parametrize("value", [1e300, np.inf, -2e6])
def test_a_time_that_no_event_can_have_takes_its_rows_only(tmp_path: Path, value: float) -> None:
    def spoil(file: h5py.File) -> None:
        rows = file[ID][:]
        rows["timeslice_utc_time.jd1"][[4, 5]] = value
        file[ID][:] = rows

    entry = SOURCE.describe(samples.changed(tmp_path, spoil))
    batches, lost = samples.salvage(entry, ID)
    assert lost == [(4, 6)]
    assert [n for b in batches for n in b.tables["events"]["event_number"].tolist()] == [0, 1, 2, 3, 6, 7, 8, 9]


def test_no_time_is_missing_for_a_fit_and_damage_for_an_event(tmp_path: Path) -> None:
    def spoil(file: h5py.File) -> None:
        for name, column in ((ID, "timeslice_utc_time.jd2"), (RECO, "tracktime_utc.jd2")):
            rows = file[name][:]
            rows[column][7] = np.nan
            file[name][:] = rows

    path = samples.changed(tmp_path, spoil)
    tracks = samples.whole(path, RECO).tables["tracks"]
    assert tracks["utc_ns"][7] == NO_TIME and np.isnan(tracks["utc_jd2"][7])
    assert (tracks["utc_ns"][:7] > 0).all()
    assert samples.salvage(SOURCE.describe(path), ID)[1] == [(7, 8)]


def test_a_number_that_does_not_fit_takes_its_row_only(tmp_path: Path) -> None:
    def spoil(file: h5py.File) -> None:
        rows = file[RECO][:]
        rows["rec_type"][3] = 2**40
        file[RECO][:] = rows

    assert samples.salvage(SOURCE.describe(samples.changed(tmp_path, spoil)), RECO)[1] == [(3, 4)]
