"""Who made a data set, under which licence, and how to cite it: what every file and README says alike."""

from __future__ import annotations

import dataclasses
import datetime
import tomllib
from typing import Any

import numpy as np

from antdask.archive.store import open_url
from antdask.errors import ConfigurationError, InputMissingError

#: Position of the junction box MII [deg].
LATITUDE, LONGITUDE = 42.806217, 6.026830
#: What stands where nobody has given a code, an address or a DOI yet: said, not invented.
NOT_ASSIGNED = "not yet assigned"
#: What was published about these data.
REFERENCES = "Tamburini et al. 2013, doi:10.1371/journal.pone.0067523; Martini et al. 2014, Prog. Oceanogr. 127:117; arXiv:0710.5355"
_SIMULATED = "SIMULATED by antdask: no measurement"
_PLATFORM, _INSTRUMENT = ("subsurface mooring", "SDN:L06::43"), ("Cherenkov detectors", "SDN:L05::399")


@dataclasses.dataclass(frozen=True, slots=True)
class Citation:
    """What antdask cannot know; whoever publishes fills it in.

    Parameters
    ----------
    creator, email, url, institution, investigator : str
    ror, edmo : str
        Codes of the institution.
    licence : str
        SPDX identifier.
    doi : str
        As a URL.
    created : str
        Date of the files, ISO 8601; the time of writing if not given. Say it where files must be the same again.
    simulated : bool
        Whether the data are simulated: every file then says so, and names no collaboration.
    """

    creator: str = "ANTARES Collaboration"
    email: str = NOT_ASSIGNED
    url: str = "https://antares.in2p3.fr"
    institution: str = "ANTARES Collaboration"
    investigator: str = NOT_ASSIGNED
    ror: str = NOT_ASSIGNED
    edmo: str = NOT_ASSIGNED
    licence: str = "CC-BY-4.0"
    doi: str = NOT_ASSIGNED
    created: str = ""
    simulated: bool = False

    def of(self, detector: str) -> Citation:
        """For the data of a detector: what is simulated is nobody's measurement.

        Examples
        --------
        >>> Citation().of("antares-simulated").creator
        'SIMULATED by antdask: no measurement'
        """
        if not detector.endswith("-simulated"):
            return self
        return dataclasses.replace(self, creator=_SIMULATED, institution=_SIMULATED, simulated=True)

    def dated(self) -> Citation:
        """With a date in any case."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self if self.created else dataclasses.replace(self, created=now)

    @property
    def missing(self) -> list[str]:
        """What nobody has assigned yet.

        Examples
        --------
        >>> Citation(email="a@b.org", ror="https://ror.org/x").missing
        ['investigator', 'edmo', 'doi']
        """
        return [f.name for f in dataclasses.fields(self) if getattr(self, f.name) == NOT_ASSIGNED]


def read_citation(url: str) -> Citation:
    """A citation from a file in TOML with these names as keys.

    Raises
    ------
    InputMissingError
    ConfigurationError
        Not TOML, or another key.
    """
    try:
        with open_url(url) as file:
            words = tomllib.loads(file.read().decode())
    except FileNotFoundError as error:
        raise InputMissingError("The citation does not exist", where=url) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"The citation is no TOML: {error}", where=url) from error
    known = [f.name for f in dataclasses.fields(Citation) if f.name != "simulated"]
    for key in words:
        if key not in known:
            raise ConfigurationError(f"'{key}' says nothing of a data set", where=url, expected=", ".join(known))
    told: dict[str, Any] = {key: str(value) for key, value in words.items()}
    return Citation(**told)


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
    citation = citation.dated()
    assigned = citation.doi != NOT_ASSIGNED
    # The end is the start of the last bin, as the checker of ACDD wants it; the duration reaches to its end.
    first, last = (str(times[i].astype("datetime64[s]")) + "Z" for i in (0, -1))
    title = f"SIMULATED: {title}" if citation.simulated else title
    span = int((times[-1] - times[0]) / np.timedelta64(1, "s")) + (step_s or 0)
    here = {"lat": LATITUDE, "lon": LONGITUDE}
    position = {f"geospatial_{axis}_{side}": value for axis, value in here.items() for side in ("min", "max")}
    return {
        "Conventions": "CF-1.11, ACDD-1.3", "featureType": "timeSeries", "cdm_data_type": "Station",
        "title": title, "summary": summary, "id": dataset_id, "naming_authority": "fr.in2p3.antares",
        "keywords": "Bioluminescence parameters, deep sea, Mediterranean Sea, neutrino telescope, photomultiplier rates", "keywords_vocabulary": "SDN:P02::BLUM for the first, free words",
        "history": f"{citation.created}: written by antdask from an archive of frames",
        "source": _PLATFORM[0], "processing_level": "L1c: aggregated over time", "data_processing_level": "L1", "data_processing_steps": "L1c",
        "comment": "Times are UTC; leap seconds are not counted. Bins without measurement hold no value; nothing was interpolated.",
        "acknowledgement": citation.creator, "license": citation.licence, "license_uri": f"https://spdx.org/licenses/{citation.licence}",
        "standard_name_vocabulary": "CF Standard Name Table v93", "date_created": citation.created, "date_modified": citation.created,
        "date_issued": citation.created, "date_metadata_modified": citation.created,
        "creator_name": citation.creator, "creator_email": citation.email, "creator_url": citation.url, "creator_type": "group",
        "creator_institution": citation.institution, "institution": citation.institution, "institution_edmo_code": citation.edmo, "institution_ror_uri": citation.ror,
        "principal_investigator": citation.investigator, "principal_investigator_email": citation.email,
        "publisher_name": citation.creator, "publisher_email": citation.email, "publisher_url": citation.url, "publisher_type": "group",
        "publisher_institution": citation.institution, "contributor_name": citation.creator, "contributor_role": "data collection",
        "project": "ANTARES", "program": "ANTARES", "network": "EMSO", "update_interval": "void",
        "platform": _PLATFORM[0], "platform_vocabulary": _PLATFORM[1], "instrument": _INSTRUMENT[0], "instrument_vocabulary": _INSTRUMENT[1],
        "references": f"{citation.doi}; {REFERENCES}" if assigned else REFERENCES, "metadata_link": citation.doi if assigned else citation.url, "doi": citation.doi, "product_version": "1",
        **position, "geospatial_lat_units": "degree_north", "geospatial_lon_units": "degree_east",
        "geospatial_lat_resolution": "point", "geospatial_lon_resolution": "point",
        "geospatial_vertical_min": float(min(depths)), "geospatial_vertical_max": float(max(depths)), "geospatial_vertical_units": "m",
        "geospatial_vertical_positive": "down", "geospatial_vertical_resolution": "14.5 m",
        "geospatial_bounds": f"POINT ({LATITUDE} {LONGITUDE})", "geospatial_bounds_crs": "EPSG:4326", "geospatial_bounds_vertical_crs": "EPSG:5831",
        "time_coverage_start": first, "time_coverage_end": last, "time_coverage_duration": f"PT{span}S",
        "time_coverage_resolution": f"PT{step_s}S" if step_s else "irregular",
    }  # fmt: skip
