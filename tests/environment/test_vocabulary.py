"""Every sensor that is simulated has a term, and rates have no standard name."""

from __future__ import annotations

import pytest

from antdask.environment.vocabulary import RATE, TERMS, conversion, term_of
from antdask.errors import UnknownNameError, UsageError
from antdask.simulate.slow_control import sensors


def test_every_simulated_sensor_has_a_term_and_a_unit_that_converts():
    for name, unit, mean, *_ in sensors():
        term = term_of(name)
        factor, offset = conversion(term, unit)
        assert term.span[0] <= mean * factor + offset <= term.span[1], name


def test_a_count_rate_has_no_standard_name():
    assert "standard_name" not in RATE.attributes()
    assert RATE.attributes()["units"] == "s-1"
    # Nor a P01 term: the one of bioluminescence is a power per area and volume.
    assert not [n for n in RATE.attributes() if n.startswith("sdn_parameter")]
    assert (RATE.group, RATE.unit) == ("BLUM", "UCPS")


#: Codes and preferred labels as the tables say that EMSO keeps of the NERC vocabulary server (emso-metadata-specifications, external-resources/sdn).
P06_LABELS = {
    "UPAA": "Degrees Celsius", "UUUU": "Dimensionless", "UECA": "Siemens per metre", "UPDB": "Decibars", "KGUM": "Micromoles per kilogram",
    "UVAA": "Metres per second", "UABB": "Degrees True", "UAAA": "Degrees", "UVLT": "Volts", "AMPB": "Amperes", "UCPS": "Counts per second",
}  # fmt: skip
P02_LABELS = {
    "TEMP": "Temperature of the water column", "PSAL": "Salinity of the water column", "CNDC": "Electrical conductivity of the water column",
    "AHGT": "Vertical spatial coordinates", "DOXY": "Dissolved oxygen parameters in the water column", "SVEL": "Sound velocity and travel time in the water column",
    "RFVL": "Horizontal velocity of the water column (currents)", "HEAD": "Platform or instrument orientation", "BLUM": "Bioluminescence parameters",
}  # fmt: skip
#: The P02 term that each P01 term is below.
P01_GROUPS = {
    "TEMPPR01": "TEMP", "PSLTZZ01": "PSAL", "CNDCZZ01": "CNDC", "PRESPR01": "AHGT", "DOXMZZXX": "DOXY", "SVELXXXX": "SVEL", "LCSAZZ01": "RFVL", "LCDAZZ01": "RFVL",
    "LCEWZZ01": "RFVL", "LCNSZZ01": "RFVL", "PTCHGP01": "HEAD", "ROLLGP01": "HEAD",
}  # fmt: skip


def test_every_code_is_one_that_the_vocabulary_server_has():
    for term in (*TERMS.values(), RATE):
        assert term.unit_name == P06_LABELS[term.unit]
        if term.group:
            assert term.group_name == P02_LABELS[term.group]
        if term.parameter:
            assert P01_GROUPS[term.parameter] == term.group
    assert [t.code for t in (*TERMS.values(), RATE) if not t.parameter] == ["HEAD", "VOLT", "AMPS", "BLUM"]


def test_directions_go_round():
    assert [t.code for t in TERMS.values() if t.circular] == ["CDIR", "HEAD"]


def test_units_are_converted_or_refused():
    assert conversion(TERMS["TEMP"], "K") == (1, -273.15)
    with pytest.raises(UsageError, match="knots"):
        conversion(TERMS["CSPD"], "knots")
    with pytest.raises(UnknownNameError):
        term_of("L01/colour")
