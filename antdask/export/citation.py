"""Who made a data set, under which licence, and how to cite it: what every file and README says alike."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

#: Position of the junction box MII [deg].
LATITUDE, LONGITUDE = 42.806217, 6.026830


@dataclasses.dataclass(frozen=True, slots=True)
class Citation:
    """What antdask cannot know; whoever publishes fills it in.

    Parameters
    ----------
    creator, email, url, institution : str
    ror, edmo : str
        Codes of the institution.
    licence : str
        SPDX identifier.
    doi : str
        Empty before there is one.
    created : str
        Date of the files, ISO 8601. Given, not taken from the clock, so that files are reproducible.
    """

    creator: str = "ANTARES Collaboration"
    email: str = "to-be-filled-in@example.org"
    url: str = "https://antares.in2p3.fr"
    institution: str = "ANTARES Collaboration"
    ror: str = "to be filled in"
    edmo: str = "to be filled in"
    licence: str = "CC-BY-4.0"
    doi: str = ""
    created: str = "1970-01-01T00:00:00Z"


def global_attributes(
    citation: Citation, title: str, summary: str, dataset_id: str, times: np.ndarray, step_s: int | None, depths: tuple[float, float]
) -> dict[str, Any]:
    """Global attributes of ACDD-1.3, with those that EMSO asks for beyond.

    Parameters
    ----------
    times : datetime64 array
        Starts of bins, or times of readings.
    step_s : int or None
        Width of a bin [s].
    depths : (float, float)
        [m]
    """
    first, last = (str(times[i].astype("datetime64[s]")) + "Z" for i in (0, -1))
    span = int((times[-1] - times[0]) / np.timedelta64(1, "s")) + (step_s or 0)
    here = {"lat": LATITUDE, "lon": LONGITUDE}
    position = {f"geospatial_{axis}_{side}": value for axis, value in here.items() for side in ("min", "max")}
    return {
        "Conventions": "CF-1.11, ACDD-1.3", "featureType": "timeSeries", "cdm_data_type": "Station",
        "title": title, "summary": summary, "id": dataset_id, "naming_authority": "in2p3.antares",
        "keywords": "bioluminescence, deep sea, Mediterranean Sea, neutrino telescope, photomultiplier rates", "keywords_vocabulary": "SDN:P02 and free words",
        "history": f"{citation.created}: written by antdask from an archive of frames",
        "source": "ANTARES neutrino telescope, optical modules and instruments on moored lines", "processing_level": "L1c",
        "comment": "Times are UTC; leap seconds are not counted. Bins without measurement hold no value; nothing was interpolated.",
        "acknowledgement": "ANTARES Collaboration", "license": citation.licence,
        "standard_name_vocabulary": "CF Standard Name Table v93", "date_created": citation.created, "date_modified": citation.created,
        "date_issued": citation.created, "date_metadata_modified": citation.created,
        "creator_name": citation.creator, "creator_email": citation.email, "creator_url": citation.url, "creator_type": "group",
        "creator_institution": citation.institution, "institution": citation.institution, "institution_edmo_code": citation.edmo, "institution_ror_uri": citation.ror,
        "publisher_name": citation.creator, "publisher_email": citation.email, "publisher_url": citation.url, "publisher_type": "group",
        "publisher_institution": citation.institution, "contributor_name": citation.creator, "contributor_role": "data collection",
        "project": "ANTARES", "program": "ANTARES", "network": "EMSO", "site_code": "EMSO-Western-Ligurian-Sea", "update_interval": "void",
        "platform": "ANTARES moored line", "platform_vocabulary": "SDN:L06", "instrument": "Cherenkov detectors", "instrument_vocabulary": "SDN:L05::399",
        "references": citation.doi or citation.url, "metadata_link": citation.doi or citation.url, "product_version": "1",
        **position, "geospatial_lat_units": "degree_north", "geospatial_lon_units": "degree_east",
        "geospatial_lat_resolution": "point", "geospatial_lon_resolution": "point",
        "geospatial_vertical_min": float(min(depths)), "geospatial_vertical_max": float(max(depths)), "geospatial_vertical_units": "m",
        "geospatial_vertical_positive": "down", "geospatial_vertical_resolution": "14.5 m",
        "geospatial_bounds": f"POINT ({LATITUDE} {LONGITUDE})", "geospatial_bounds_crs": "EPSG:4326", "geospatial_bounds_vertical_crs": "EPSG:5831",
        "time_coverage_start": first, "time_coverage_end": last, "time_coverage_duration": f"PT{span}S",
        "time_coverage_resolution": f"PT{step_s}S" if step_s else "irregular",
        **({"doi": citation.doi} if citation.doi else {}),
    }  # fmt: skip
