"""A fragment is XML that names folder, files and types."""

from __future__ import annotations

import re
import xml.etree.ElementTree as Xml

import numpy as np
import pytest
import xarray as xr

from antdask.export.erddap import dataset_fragment

#: Tags and categories that ERDDAP knows, from its documentation of datasets.xml for EDDTableFromMultidimNcFiles.
TAGS = {
    "reloadEveryNMinutes", "updateEveryNMillis", "fileDir", "fileNameRegex", "recursive", "pathRegex", "metadataFrom", "standardizeWhat", "sortedColumnSourceName",
    "sortFilesBySourceNames", "fileTableInMemory", "addAttributes", "dataVariable",
}  # fmt: skip
IOOS_CATEGORIES = {
    "Bathymetry", "Biology", "Bottom Character", "CO2", "Colored Dissolved Organic Matter", "Contaminants", "Currents", "Dissolved Nutrients", "Dissolved O2", "Ecology",
    "Fish Abundance", "Fish Species", "Heat Flux", "Hydrology", "Ice Distribution", "Identifier", "Location", "Meteorology", "Ocean Color", "Optical Properties", "Other",
    "Pathogens", "Phytoplankton Species", "Pressure", "Productivity", "Quality", "Salinity", "Sea Level", "Statistics", "Stream Flow", "Surface Waves", "Taxonomy",
    "Temperature", "Time", "Total Suspended Matter", "Unknown", "Wind", "Zooplankton Species", "Zooplankton Abundance", "Physical Oceanography",
}  # fmt: skip
TYPES = {"double", "float", "long", "int", "short", "byte", "String"}


@pytest.mark.parametrize("names", [("BLUM", "BLUM_QC", "BURST_FRACTION", "GAP"), ("TEMP", "TEMP_QC"), ("CDIR", "CSPD"), ("WORD",)])
def test_a_fragment_holds_nothing_that_erddap_does_not_know(tmp_path, names):
    content = {name: (("sensor", "time"), np.ones((1, 2), np.int8 if name.endswith("_QC") else np.float32)) for name in names}
    places = {"latitude": ("sensor", [42.8]), "longitude": ("sensor", [6.0]), "depth": ("sensor", [2000.0]), "sensor_id": ("sensor", ["a"]), "platform_id": ("sensor", ["b"])}  # fmt: skip
    made = xr.Dataset(content, {"time": [0.0, 1.0], **places})
    made.to_netcdf(tmp_path / "a.nc", engine="netcdf4", encoding={n: {"dtype": "S1"} for n in ("sensor_id", "platform_id")})
    root = Xml.fromstring(dataset_fragment([tmp_path / "a.nc"], "one"))
    assert root.get("type") == "EDDTableFromMultidimNcFiles"
    assert re.fullmatch(r"[A-Za-z0-9_-]+", root.get("datasetID"))
    assert {child.tag for child in root} <= TAGS
    for variable in root.iter("dataVariable"):
        assert [child.tag for child in variable] == ["sourceName", "destinationName", "dataType", "addAttributes"]
        assert variable.findtext("dataType") in TYPES
        assert {a.text for a in variable.iter("att") if a.get("name") == "ioos_category"} <= IOOS_CATEGORIES
    names_of = {v.findtext("destinationName"): v.findtext("dataType") for v in root.iter("dataVariable")}
    assert {"time", "latitude", "longitude", "depth"} <= set(names_of)
    assert names_of["sensor_id"] == "String"
    subset = root.find("addAttributes/att[@name='subsetVariables']").text.split(", ")
    assert set(subset) <= set(names_of) and "time" not in subset
    assert re.fullmatch(root.findtext("fileNameRegex"), "a.nc")


def test_a_fragment_names_files_and_types(tmp_path):
    xr.Dataset({"BLUM": (("sensor", "time"), np.ones((1, 2), np.float32))}, {"time": [0.0, 1.0]}).to_netcdf(
        tmp_path / "a.nc", engine="netcdf4"
    )
    root = Xml.fromstring(dataset_fragment([tmp_path / "a.nc"], "one"))
    assert root.findtext("fileDir") == f"{tmp_path.resolve()}/"
    assert root.findtext("fileNameRegex") == r"a\.nc"
    assert {v.findtext("sourceName"): v.findtext("dataType") for v in root.iter("dataVariable")} == {"BLUM": "float", "time": "double"}
