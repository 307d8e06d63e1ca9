"""A fragment is XML that names folder, files and types."""

from __future__ import annotations

import xml.etree.ElementTree as Xml

import numpy as np
import xarray as xr

from antdask.export.erddap import dataset_fragment


def test_a_fragment_names_files_and_types(tmp_path):
    xr.Dataset({"BLUM": (("sensor", "time"), np.ones((1, 2), np.float32))}, {"time": [0.0, 1.0]}).to_netcdf(
        tmp_path / "a.nc", engine="netcdf4"
    )
    root = Xml.fromstring(dataset_fragment([tmp_path / "a.nc"], "one"))
    assert root.findtext("fileDir") == f"{tmp_path.resolve()}/"
    assert root.findtext("fileNameRegex") == r"a\.nc"
    assert {v.findtext("sourceName"): v.findtext("dataType") for v in root.iter("dataVariable")} == {"BLUM": "float", "time": "double"}
