"""Fields of KM3NeT's tables for astronomy: directions as angles, times as Julian dates, and a number that joins the tables of a file.

Angles and dates stand as in the file. Where x points east, y north and z up, the unit vector of flight is (sin(theta) cos(phi), sin(theta) sin(phi), cos(theta)); the source on
the sky lies the other way. Sines differ in the last bit between machines, so none is archived.
"""

from __future__ import annotations

from antdask.model.schema import REAL, Field

ASTRO = ("astro_hdf5",)

# One line per field, however long.
# fmt: off


def _real(name: str, unit: str, text: str, ucd: str = "") -> Field:
    return Field(name, "f8", unit, text, ucd, origins=ASTRO, missing="NaN", codec=REAL)


EVENT_NUMBER = Field("event_number", "i8", "1", "number of the event in the file (event_id): the program counts them, from 0 or from where it is told to; joins streams dst, mc and reco of a file", "meta.id", origins=ASTRO)


def _time(what: str, missing: str = "") -> tuple[Field, ...]:
    return (
        Field("utc_ns", "i8", "ns", f"UTC of {what}, in ns since 1970-01-01T00:00:00 without leap seconds (POSIX); utc_jd1 + utc_jd2, rounded", "time.epoch", origins=ASTRO, missing=missing, statistics=True),
        _real("utc_jd1", "d", f"UTC of {what} as a Julian date: the first of two parts, whose sum it is, as in the file", "time.epoch"),
        _real("utc_jd2", "d", "second part of the Julian date, as in the file", "time.epoch"),
    )


def _angles(whose: str) -> tuple[Field, ...]:
    return (
        _real("theta", "rad", f"angle between the direction in which the {whose} flies and the vertical (z of the detector): 0 straight up, pi straight down", "pos.spherical.colat"),
        _real("phi", "rad", f"azimuth of the direction in which the {whose} flies, from x to y of the detector", "pos.spherical.azi"),
    )


#: Of an event (stream dst).
ASTRO_EVENT = (EVENT_NUMBER, *_time("the start of the frame"))
#: Of a simulated event, and of its particle.
ASTRO_MC = (_real("normalized_weight", "1", "generation weight over the number of generated events (w2 / genvol.numberOfEvents), in the unit of the generator"),)
ASTRO_PARTICLE = _angles("particle")
#: Of a fit.
ASTRO_FIT = (
    EVENT_NUMBER,
    Field("rec_stage", "i4", "1", "stage of the reconstruction, of which the program took the best fit; files are known in which rec_stage and rec_type have changed places", "meta.code", origins=ASTRO, missing="-2147483648"),
    *_time("the fit", "-9223372036854775808"),
    *_angles("particle"),
)
