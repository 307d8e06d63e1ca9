"""A fragment of ``datasets.xml``, so that an ERDDAP server offers the files of an export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

import xarray as xr

_TYPES = {"f8": "double", "f4": "float", "i8": "long", "i4": "int", "i2": "short", "i1": "byte"}
#: Categories of ERDDAP (its list of ``ioos_category``) by the first word of a variable.
_CATEGORIES = {
    "BLUM": "Optical Properties", "BURST": "Optical Properties", "TEMP": "Temperature", "PSAL": "Salinity", "CNDC": "Salinity", "PRES": "Pressure", "DOX2": "Dissolved O2",
    "SVEL": "Physical Oceanography", "CSPD": "Currents", "CDIR": "Currents", "UCUR": "Currents", "VCUR": "Currents",
}  # fmt: skip


def dataset_fragment(files: Sequence[Path], dataset_id: str) -> str:
    """One data set of files of the same shape, e.g. all lines at one level.

    Parameters
    ----------
    files : sequence of Path
        NetCDF files of one folder; the first tells the variables.
    dataset_id : str
        Letters, digits and ``_``.

    Returns
    -------
    str
        XML, to be pasted between ``<erddapDatasets>`` tags; the folder is the one on the machine where the files were written.
    """
    root = Xml.Element("dataset", type="EDDTableFromMultidimNcFiles", datasetID=dataset_id, active="true")
    settings = {
        "reloadEveryNMinutes": "1440", "updateEveryNMillis": "10000", "fileDir": str(files[0].resolve().parent) + "/",
        "fileNameRegex": "|".join(sorted(f.name.replace(".", r"\.") for f in files)), "recursive": "false", "pathRegex": ".*",
        "metadataFrom": "last", "standardizeWhat": "0", "sortedColumnSourceName": "", "sortFilesBySourceNames": "sensor_id time", "fileTableInMemory": "false",
    }  # fmt: skip
    for name, text in settings.items():
        Xml.SubElement(root, name).text = text
    everything = Xml.SubElement(root, "addAttributes")
    for name, text in {"cdm_data_type": "TimeSeries", "cdm_timeseries_variables": "sensor_id, platform_id, latitude, longitude, depth", "subsetVariables": "sensor_id, platform_id, latitude, longitude, depth"}.items():  # fmt: skip
        Xml.SubElement(everything, "att", name=name).text = text
    with xr.open_dataset(files[0], decode_times=False, mask_and_scale=False) as file:
        for column, values in file.variables.items():
            name = str(column)
            if name == "time_bnds":
                continue
            one = Xml.SubElement(root, "dataVariable")
            Xml.SubElement(one, "sourceName").text = name
            Xml.SubElement(one, "destinationName").text = name
            Xml.SubElement(one, "dataType").text = _TYPES.get(values.dtype.str[1:], "String")
            more = Xml.SubElement(one, "addAttributes")
            Xml.SubElement(more, "att", name="ioos_category").text = _category(name)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode") + "\n"


def _category(name: str) -> str:
    if name in ("latitude", "longitude", "depth"):
        return "Location"
    if name in ("time", "time_end"):
        return "Time"
    if name.endswith(("_QC", "_N", "_SAT")) or name == "GAP":
        return "Quality"
    if name.endswith("_id"):
        return "Identifier"
    return _CATEGORIES.get(name.partition("_")[0], "Unknown")
