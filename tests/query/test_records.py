"""Awkward arrays of selections: nesting, option types, units."""

import itertools

import awkward as ak
import numpy as np

from antdask.archive.layout import awkward_form
from antdask.model.tables import SCHEMAS
from tests.query.conftest import lists


def test_tables_hang_below_each_other_as_declared(small, small_entries):
    batch = small_entries[5].batch
    rows = small.stream("timeslices_l1").to_awkward(["frames.dom_id", "hits.tot"])
    assert str(rows.type) == "25 * {run: uint32, frame_index: uint32, frames: var * {dom_id: int32, hits: var * {tot: uint8}}}"
    tot = lists(batch, "hits", "tot")
    edges = batch.offsets["frames"].tolist()
    assert rows.frames.hits.tot.tolist() == [tot[a:b] for a, b in itertools.pairwise(edges)]
    assert rows.frames.dom_id.tolist() == lists(batch, "frames", "dom_id")


def test_a_whole_part_has_the_form_that_the_archive_states(small):
    rows = small.stream("timeslices_l1").to_awkward()
    form = ak.forms.from_dict(awkward_form(SCHEMAS["timeslices_l1"], "km3net_online"))
    assert rows.layout.form.type == form.type
    rates = small.stream("rates").to_awkward()
    assert rates.layout.form.type == ak.forms.from_dict(awkward_form(SCHEMAS["rates"], "km3net_online")).type
    assert str(rates.frames.rate_code.type) == "50 * var * 31 * uint8"


def test_what_some_parts_lack_is_of_option_type_and_only_that(small):
    rows = small.stream("events").to_awkward(["utc_ns", "n_hits", "hits.charge_pe", "triggered_hits.tot"])
    assert [str(rows[name].type) for name in ("utc_ns", "n_hits")] == ["310 * ?int64", "310 * uint32"]
    assert str(rows.hits.charge_pe.type) == "310 * var * ?float64" and str(rows.triggered_hits.type) == "310 * option[var * {tot: uint8}]"
    assert ak.sum(ak.is_none(rows.utc_ns)) == 40 and ak.sum(ak.is_none(rows.hits.charge_pe, axis=1)) == 2198 - ak.sum(
        ak.num(rows.hits[:40])
    )


def test_units_travel_with_the_array(small):
    rows = small.stream("events").to_awkward(["n_hits", "hits.tdc"])
    assert rows.attrs["stream"] == "events" and rows.attrs["units"]["hits.tdc"] == "ns" and rows.attrs["units"]["events.n_hits"] == "1"


def test_an_empty_selection_of_wide_columns_keeps_its_type(small):
    rows = small.stream("rates").select(run=99).to_awkward()
    assert str(rows.frames.rate_code.type) == "0 * var * 31 * uint8" and np.asarray(ak.flatten(rows.frames.rate_code)).shape == (0, 31)
