"""Names under which marine data centres know what was measured: OceanSITES codes, CF standard names, P01, P06 and P02 terms of the NERC vocabulary server.

A count rate of photomultipliers has no CF standard name and gets none: `bioluminescent_photon_rate_in_sea_water` is an emission per volume (s-1 m-3), which a
rate (s-1) is not before it is corrected for efficiency and attenuation. Terms were written down from public tables; look them up again before a data set is published.
"""

from __future__ import annotations

import dataclasses

from antdask.errors import UnknownNameError, UsageError

P01, P02, P06 = "SDN:P01::", "SDN:P02::", "SDN:P06::"
NVS = "http://vocab.nerc.ac.uk/collection"


@dataclasses.dataclass(frozen=True, slots=True)
class Term:
    """One kind of measurement.

    Parameters
    ----------
    code : str
        OceanSITES code: name of the variable.
    long_name, standard_name, units : str
        CF; `standard_name` empty where there is none.
    parameter, parameter_name : str
        P01 code and label; empty where there is none.
    unit, unit_name : str
        P06 code and label.
    kind : str
        ``variable_type`` of EMSO.
    span : (float, float)
        What a sensor can show in the deep Mediterranean and its surroundings, in `units`: for the test of gross range.
    """

    code: str
    long_name: str
    standard_name: str
    units: str
    parameter: str
    parameter_name: str
    unit: str
    unit_name: str
    kind: str
    span: tuple[float, float]

    def attributes(self) -> dict[str, str]:
        """Attributes of a variable in a file."""
        made = {"long_name": self.long_name, "units": self.units, "variable_type": self.kind}
        if self.standard_name:
            made["standard_name"] = self.standard_name
        if self.units == "degree_Celsius":
            made["units_metadata"] = "temperature: on_scale"
        if self.parameter:
            made["sdn_parameter_name"] = self.parameter_name
            made["sdn_parameter_urn"] = P01 + self.parameter
            made["sdn_parameter_uri"] = f"{NVS}/P01/current/{self.parameter}/"
        made["sdn_uom_name"], made["sdn_uom_urn"] = self.unit_name, P06 + self.unit
        made["sdn_uom_uri"] = f"{NVS}/P06/current/{self.unit}/"
        return made


# One line per term, however long.
# fmt: off
TERMS: dict[str, Term] = {
    t.code: t
    for t in (
        Term("TEMP", "temperature of sea water", "sea_water_temperature", "degree_Celsius", "TEMPPR01", "Temperature of the water body", "UPAA", "Degrees Celsius", "environmental", (10.0, 30.0)),
        Term("PSAL", "practical salinity of sea water", "sea_water_practical_salinity", "1", "PSLTZZ01", "Practical salinity of the water body", "UUUU", "Dimensionless", "environmental", (30.0, 42.0)),
        Term("CNDC", "electrical conductivity of sea water", "sea_water_electrical_conductivity", "S m-1", "CNDCZZ01", "Electrical conductivity of the water body", "UECA", "Siemens per metre", "environmental", (2.0, 8.0)),
        Term("PRES", "pressure of sea water", "sea_water_pressure", "dbar", "PRESPR01", "Pressure (spatial coordinate) exerted by the water body", "UPDB", "Decibars", "environmental", (0.0, 3000.0)),
        Term("DOX2", "dissolved oxygen per mass of sea water", "moles_of_oxygen_per_unit_mass_in_sea_water", "umol kg-1", "DOXMZZXX", "Concentration of oxygen per unit mass of the water body", "KGUM", "Micromoles per kilogram", "environmental", (0.0, 400.0)),
        Term("SVEL", "speed of sound in sea water", "speed_of_sound_in_sea_water", "m s-1", "SVELXXXX", "Sound velocity in the water body", "UVAA", "Metres per second", "environmental", (1400.0, 1600.0)),
        Term("CSPD", "speed of the current", "sea_water_speed", "m s-1", "LCSAZZ01", "Current speed (Eulerian measurement) in the water body", "UVAA", "Metres per second", "environmental", (0.0, 1.0)),
        Term("CDIR", "direction towards which the current flows", "sea_water_velocity_to_direction", "degree", "LCDAZZ01", "Current direction (Eulerian measurement) in the water body", "UAAA", "Degrees", "environmental", (0.0, 360.0)),
        Term("HEAD", "heading of the storey", "", "degree", "", "", "UAAA", "Degrees", "technical", (0.0, 360.0)),
        Term("PTCH", "pitch of the storey", "", "degree", "", "", "UAAA", "Degrees", "technical", (-20.0, 20.0)),
        Term("ROLL", "roll of the storey", "", "degree", "", "", "UAAA", "Degrees", "technical", (-20.0, 20.0)),
        Term("VOLT", "voltage of the line", "", "V", "", "", "UVLT", "Volts", "technical", (0.0, 500.0)),
        Term("AMPS", "current that the line draws", "", "A", "", "", "UAMP", "Amps", "technical", (0.0, 20.0)),
    )
}
#: The rate of an optical module: technical at frame level, by EMSO's levels L1c once it is binned.
RATE = Term("BLUM", "counting rate of the optical module", "", "s-1", "BLUMINTX", "Bioluminescence in the water body", "UTHZ", "Hertz", "biological", (0.0, 1e6))
# fmt: on

#: Last words of sensor names that tell what is measured.
_WORDS = {
    "temperature": "TEMP", "salinity": "PSAL", "conductivity": "CNDC", "pressure": "PRES", "oxygen": "DOX2", "sound_velocity": "SVEL",
    "current_speed": "CSPD", "current_direction": "CDIR", "heading": "HEAD", "pitch": "PTCH", "roll": "ROLL", "voltage": "VOLT", "current": "AMPS",
}  # fmt: skip

#: Factor and offset that bring a unit as a source writes it to that of the term.
_UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "degree_Celsius": {"degC": (1, 0), "C": (1, 0), "celsius": (1, 0), "K": (1, -273.15)},
    "1": {"PSU": (1, 0), "psu": (1, 0)},
    "S m-1": {"S/m": (1, 0), "mS/cm": (0.1, 0)},
    "dbar": {"db": (1, 0), "bar": (10, 0), "MPa": (100, 0)},
    "umol kg-1": {"umol/kg": (1, 0), "µmol/kg": (1, 0)},
    "m s-1": {"m/s": (1, 0), "cm/s": (0.01, 0), "mm/s": (0.001, 0)},
    "degree": {"deg": (1, 0), "°": (1, 0), "rad": (57.29577951308232, 0)},
    "V": {"mV": (0.001, 0)},
    "A": {"mA": (0.001, 0)},
}


def term_of(sensor: str) -> Term:
    """The term for a sensor, by the last word of its name.

    Raises
    ------
    UnknownNameError
        The word is not known.

    Examples
    --------
    >>> term_of("IL07/CTD/temperature").code, term_of("L03/S13/heading").code
    ('TEMP', 'HEAD')
    """
    word = sensor.rpartition("/")[2].lower()
    if word not in _WORDS:
        raise UnknownNameError.of("kind of sensor", word, _WORDS, where=sensor)
    return TERMS[_WORDS[word]]


def conversion(term: Term, unit: str) -> tuple[float, float]:
    """Factor and offset from a unit to that of the term.

    Raises
    ------
    UsageError
        It is not known how.

    Examples
    --------
    >>> conversion(TERMS["CSPD"], "cm/s")
    (0.01, 0)
    """
    if unit == term.units:
        return 1, 0
    known = _UNITS.get(term.units, {})
    if unit not in known:
        raise UsageError(f"Readings of {term.code} in an unknown unit", found=repr(unit), expected=", ".join([term.units, *known]))
    return known[unit]
