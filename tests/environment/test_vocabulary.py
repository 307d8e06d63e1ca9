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
    assert RATE.attributes()["sdn_parameter_urn"] == "SDN:P01::BLUMINTX"


def test_units_are_converted_or_refused():
    assert conversion(TERMS["TEMP"], "K") == (1, -273.15)
    with pytest.raises(UsageError, match="knots"):
        conversion(TERMS["CSPD"], "knots")
    with pytest.raises(UnknownNameError):
        term_of("L01/colour")
