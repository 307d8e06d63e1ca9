"""Names under which marine data centres know what was measured: OceanSITES codes, CF standard names, P01, P06 and P02 terms of the NERC vocabulary server.

A count rate of photomultipliers has no CF standard name and gets none: `bioluminescent_photon_rate_in_sea_water` is an emission per volume (s-1 m-3), which a
rate (s-1) is not before it is corrected for efficiency and attenuation. For the same reason it gets no P01 term: the only one of bioluminescence, BLUMINTX, is an
energy per area and volume (P06 PWAV, picowatts per square centimetre per litre). Codes of P02 and P06, and which of P01 belong to them, are those of the tables that
EMSO keeps of the vocabulary server; labels of P01 are as public data sets write them.
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
    group, group_name : str
        P02 code and label; empty where there is none.
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
    group: str = ""
    group_name: str = ""

    @property
    def circular(self) -> bool:
        """Whether 360 is 0: means of such values are those of directions."""
        return self.units == "degree" and self.span == (0.0, 360.0)

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
        if self.group:
            made["sdn_group_name"], made["sdn_group_urn"] = self.group_name, P02 + self.group
        made["sdn_uom_name"], made["sdn_uom_urn"] = self.unit_name, P06 + self.unit
        made["sdn_uom_uri"] = f"{NVS}/P06/current/{self.unit}/"
        return made


# One line per term, however long. SVELXXXX is the code of P01 as it stands there, X and all.
# fmt: off
TERMS: dict[str, Term] = {
    t.code: t
    for t in (
        Term("TEMP", "temperature of sea water", "sea_water_temperature", "degree_Celsius", "TEMPPR01", "Temperature of the water body", "UPAA", "Degrees Celsius", "environmental", (10.0, 30.0), "TEMP", "Temperature of the water column"),
        Term("PSAL", "practical salinity of sea water", "sea_water_practical_salinity", "1", "PSLTZZ01", "Practical salinity of the water body", "UUUU", "Dimensionless", "environmental", (30.0, 42.0), "PSAL", "Salinity of the water column"),
        Term("CNDC", "electrical conductivity of sea water", "sea_water_electrical_conductivity", "S m-1", "CNDCZZ01", "Electrical conductivity of the water body", "UECA", "Siemens per metre", "environmental", (2.0, 8.0), "CNDC", "Electrical conductivity of the water column"),
        Term("PRES", "pressure of sea water", "sea_water_pressure", "dbar", "PRESPR01", "Pressure (spatial coordinate) exerted by the water body", "UPDB", "Decibars", "environmental", (0.0, 3000.0), "AHGT", "Vertical spatial coordinates"),
        Term("DOX2", "dissolved oxygen per mass of sea water", "moles_of_oxygen_per_unit_mass_in_sea_water", "umol kg-1", "DOXMZZXX", "Concentration of oxygen per unit mass of the water body", "KGUM", "Micromoles per kilogram", "environmental", (0.0, 400.0), "DOXY", "Dissolved oxygen parameters in the water column"),
        Term("SVEL", "speed of sound in sea water", "speed_of_sound_in_sea_water", "m s-1", "SVELXXXX", "Sound velocity in the water body", "UVAA", "Metres per second", "environmental", (1400.0, 1600.0), "SVEL", "Sound velocity and travel time in the water column"),
        Term("CSPD", "speed of the current", "sea_water_speed", "m s-1", "LCSAZZ01", "Current speed (Eulerian measurement) in the water body", "UVAA", "Metres per second", "environmental", (0.0, 1.0), "RFVL", "Horizontal velocity of the water column (currents)"),
        Term("CDIR", "direction towards which the current flows", "sea_water_velocity_to_direction", "degree", "LCDAZZ01", "Current direction (Eulerian measurement) in the water body", "UABB", "Degrees True", "environmental", (0.0, 360.0), "RFVL", "Horizontal velocity of the water column (currents)"),
        Term("UCUR", "current towards east", "eastward_sea_water_velocity", "m s-1", "LCEWZZ01", "Eastward current velocity in the water body", "UVAA", "Metres per second", "environmental", (-1.0, 1.0), "RFVL", "Horizontal velocity of the water column (currents)"),
        Term("VCUR", "current towards north", "northward_sea_water_velocity", "m s-1", "LCNSZZ01", "Northward current velocity in the water body", "UVAA", "Metres per second", "environmental", (-1.0, 1.0), "RFVL", "Horizontal velocity of the water column (currents)"),
        Term("HEAD", "heading of the storey", "", "degree", "", "", "UAAA", "Degrees", "technical", (0.0, 360.0), "HEAD", "Platform or instrument orientation"),
        Term("PTCH", "pitch of the storey", "", "degree", "PTCHGP01", "Orientation (pitch) of measurement platform by inclinometer", "UAAA", "Degrees", "technical", (-20.0, 20.0), "HEAD", "Platform or instrument orientation"),
        Term("ROLL", "roll of the storey", "", "degree", "ROLLGP01", "Orientation (roll angle) of measurement platform by inclinometer (second sensor)", "UAAA", "Degrees", "technical", (-20.0, 20.0), "HEAD", "Platform or instrument orientation"),
        Term("VOLT", "voltage of the line", "", "V", "", "", "UVLT", "Volts", "technical", (0.0, 500.0)),
        Term("AMPS", "current that the line draws", "", "A", "", "", "AMPB", "Amperes", "technical", (0.0, 20.0)),
    )
}
#: The rate of an optical module. By EMSO's kinds it is technical: environmental variables need a CF name, biological ones a Darwin Core term.
RATE = Term("BLUM", "counting rate of the optical module", "", "s-1", "", "", "UCPS", "Counts per second", "technical", (0.0, 1e6), "BLUM", "Bioluminescence parameters")
# fmt: on

#: Last words of sensor names that tell what is measured.
_WORDS = {
    "temperature": "TEMP", "salinity": "PSAL", "conductivity": "CNDC", "pressure": "PRES", "oxygen": "DOX2", "sound_velocity": "SVEL",
    "current_speed": "CSPD", "current_direction": "CDIR", "current_east": "UCUR", "current_north": "VCUR", "heading": "HEAD", "pitch": "PTCH", "roll": "ROLL", "voltage": "VOLT", "current": "AMPS",
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


def convertible(term: Term, unit: str) -> bool:
    """Whether it is known how to bring a unit to that of the term."""
    return unit == term.units or unit in _UNITS.get(term.units, {})


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
    if not convertible(term, unit):
        raise UsageError(f"Readings of {term.code} in an unknown unit", found=repr(unit), expected=", ".join([term.units, *known]))
    return known[unit]
