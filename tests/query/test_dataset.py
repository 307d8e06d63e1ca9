"""xarray datasets: dimensions, CF attributes, what is missing."""

import numpy as np
import pandas as pd
import xarray as xr


def test_dimensions_units_and_coordinates_are_those_declared(small, small_entries):
    data = small.stream("rates").to_xarray()
    batch = small_entries[6].batch
    assert data.sizes["slice"] == 50 and data.sizes["channel"] == 31 and data.sizes["frame"] == batch.length("frames")
    assert set(data.coords) == {"run", "frame_index", "time"}
    assert (
        data["frames_rate_code"].dims == ("frame", "channel")
        and (data["frames_rate_code"].values == batch.tables["frames"]["rate_code"]).all()
    )
    assert data["utc_ns"].attrs["units"] == "ns" and "UTC" in data["utc_ns"].attrs["long_name"]
    assert data["frames_flags"].attrs["flag_masks"] == [1, 2, 4] and data["frames_flags"].attrs["flag_meanings"].startswith(
        "high_rate_veto"
    )
    assert data["time"].dtype == "datetime64[ns]" and (data["time"].values.astype("i8") == batch.tables["slices"]["utc_ns"]).all()
    assert data.attrs["stream"] == "rates"


def test_ragged_tables_follow_the_cf_convention(small, small_entries):
    data = small.stream("timeslices_l1").to_xarray(["frames.dom_id", "hits.tot"])
    batch = small_entries[5].batch
    assert data["hits_row_size"].dims == ("frame",) and data["hits_row_size"].attrs["sample_dimension"] == "hit"
    assert data["hits_row_size"].values.tolist() == np.diff(batch.offsets["hits"]).tolist()
    assert data["hits_offsets"].values.tolist() == batch.offsets["hits"].tolist() and data["hits_offsets"].dims == ("frame_edge",)
    assert data["frames_row_size"].sum() == data.sizes["frame"] and data["hits_row_size"].sum() == data.sizes["hit"]


def test_missing_values_are_nan_or_lose_no_digit(small, small_entries):
    data = small.stream("events").to_xarray(["overlays", "utc_ns", "charge_sum_pe", "hits.tot", "triggered_hits.tot", "hits.charge_pe"])
    assert (
        data["overlays"].dtype == np.float64
        and np.isnan(data["overlays"].values[:40]).all()
        and not np.isnan(data["overlays"].values[40:]).any()
    )
    assert data["overlays"].values[40:100].tolist() == small_entries[2].batch.tables["events"]["overlays"].tolist()
    assert data["utc_ns"].dtype == np.int64 and data["utc_ns"].attrs["_FillValue"] == -(2**63) == data["utc_ns"].values[0]
    assert data["utc_ns"].values[40:100].tolist() == small_entries[2].batch.tables["events"]["utc_ns"].tolist()
    assert np.isnat(data["time"].values[:40]).all() and not np.isnat(data["time"].values[40:]).any()
    assert np.isnan(data["charge_sum_pe"].values[40:]).all()
    assert data["triggered_hits_row_size"].values[:40].sum() == 0 and data["triggered_hits_given"].values.tolist() == [0] * 40 + [1] * 270
    assert np.isnan(data["hits_tot"].values).sum() == small_entries[3].batch.hits


def test_a_dataset_of_mixed_detectors_survives_a_file(small, tmp_path):
    data = small.stream("events").to_xarray(["overlays", "utc_ns", "trigger_mask", "hits.tot", "detector"])
    data.drop_vars("time").to_zarr(tmp_path / "events.zarr", zarr_format=2, consolidated=False)
    back = xr.open_zarr(tmp_path / "events.zarr", mask_and_scale=False, consolidated=False)
    for name in ("utc_ns", "trigger_mask", "hits_tot", "run"):
        assert np.array_equal(back[name].values, data[name].values, equal_nan=name == "hits_tot")
    assert data["trigger_mask"].attrs["_FillValue"] == 2**64 - 1 and back["detector"].values[0] == "antares"


def test_times_select_as_pandas_expects(long):
    data = long.stream("events").select(frame=(0, 64)).to_xarray(["utc_ns"]).set_xindex("time")
    assert data.sel(time=slice("2017-07-14T02:40:01", pd.Timestamp("2017-07-14T02:40:01.9"))).sizes["event"] == 15
