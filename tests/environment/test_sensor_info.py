"""What a file says of sensors is understood word by word, and what it says in vain is told."""

from __future__ import annotations

import pytest

from antdask.environment.sensor_info import NOT_CALIBRATED, SensorInfo, known_sensor, read_descriptions
from antdask.errors import ConfigurationError, InputMissingError

TEXT = """
[sensor."IL07/CTD/temperature"]
depth = 2200
spike = [0.05, 0.2]
span = [12, 15]
rate_of_change = 0.001

[[sensor."IL07/CTD/temperature".deployment]]
start = 2010-11-01T00:00:00
model = "SBE37-SMP"
serial = "99"

[[sensor."IL07/CTD/temperature".deployment]]
start = 2007-12-05
model = "SBE37-SMP"
serial = "1234"
calibration = "certificate 7"

[sensor.odd]
term = "PSAL"
"""


def test_a_description_gives_depth_deployments_and_tests(tmp_path):
    (tmp_path / "sensors.toml").write_text(TEXT)
    found = read_descriptions(str(tmp_path / "sensors.toml"))
    info = found["IL07/CTD/temperature"]
    assert (info.term.code, info.depth, found["odd"].term.code) == ("TEMP", 2200.0, "PSAL")
    assert [(d.start, d.serial) for d in info.deployments] == [("2007-12-05", "1234"), ("2010-11-01T00:00:00", "99")]
    assert (info.tests.fail_span, info.tests.spike, info.tests.rate_of_change, info.tests.flat) == ((12, 15), (0.05, 0.2), 0.001, None)
    assert info.deployments[1].calibration == NOT_CALIBRATED
    assert SensorInfo.from_dict(info.name, info.to_dict()) == info
    assert known_sensor("IL07/CTD/temperature", found) is info
    assert known_sensor("IL07/CTD/salinity", found).term.code == "PSAL"
    assert known_sensor("IL07/colour", found) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x = 1", "holds tables"),
        ("= 1", "no TOML"),
        ('[sensor."a/temperature"]\ndepht = 1', "depht"),
        ('[sensor."a/temperature"]\nterm = "WARM"', "WARM"),
        ("[sensor.colour]\ndepth = 1.0", "does not tell"),
        ('[sensor."a/temperature"]\ndepth = "deep"', "metres below"),
        ('[sensor."a/temperature"]\ndeployment = "2010"', "tables of their own"),
        ('[sensor."a/temperature"]\nspike = 3', "spike"),
        ('[sensor."a/temperature"]\nspike = ["a", "b"]', "spike"),
        ('[[sensor."a/temperature".deployment]]\nend = 1', "end"),
    ],
)
def test_what_says_nothing_is_told(tmp_path, text, word):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=word):
        read_descriptions(str(tmp_path / "bad.toml"))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputMissingError):
        read_descriptions(str(tmp_path / "none.toml"))
