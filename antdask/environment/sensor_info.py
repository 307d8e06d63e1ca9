"""What is known of a sensor beside its readings: where it hangs, which instrument it is, how it was calibrated, which values can be true.

A file in TOML tells it, because no table of readings does::

    [sensor."IL07/CTD/temperature"]
    depth = 2200.0                       # [m]
    spike = [0.05, 0.2]                  # tests, see quality.QualitySpec; only the gross range is tested if nothing is said

    [[sensor."IL07/CTD/temperature".deployment]]
    start = 2007-12-05                   # UTC; until the next deployment
    model = "SBE37-SMP"
    serial = "1234"
    calibration = "certificate of Sea-Bird, 2007-06-01"
"""

from __future__ import annotations

import dataclasses
import datetime
import tomllib
from collections.abc import Mapping
from typing import Any

from antdask.archive.store import open_url
from antdask.environment.quality import QualitySpec
from antdask.environment.vocabulary import TERMS, Term, term_of
from antdask.errors import ConfigurationError, InputMissingError, UnknownNameError

NOT_CALIBRATED = "as delivered by the source; no calibration was applied"
_KEYS = ("term", "depth", "spike", "span", "suspect_span", "rate_of_change", "flat", "deployment")
_DEPLOYED = ("start", "model", "serial", "calibration")


@dataclasses.dataclass(frozen=True, slots=True)
class Deployment:
    """An instrument at its place, until the next one.

    Parameters
    ----------
    start : str
        UTC, ISO 8601; empty: from the first reading.
    model, serial : str
    calibration : str
        Where its calibration is documented; readings are as the source gives them.
    """

    start: str = ""
    model: str = ""
    serial: str = ""
    calibration: str = NOT_CALIBRATED

    def __str__(self) -> str:
        words = [f"from {self.start}" if self.start else "", self.model, f"serial {self.serial}" if self.serial else "", self.calibration]
        return ", ".join(w for w in words if w)


@dataclasses.dataclass(frozen=True, slots=True)
class SensorInfo:
    """A sensor.

    Parameters
    ----------
    name : str
    term : Term
    depth : float or None
        Below the surface [m].
    deployments : tuple of Deployment
        In time.
    quality : QualitySpec or None
        Limits of the tests; the gross range of the term if not given.
    """

    name: str
    term: Term
    depth: float | None = None
    deployments: tuple[Deployment, ...] = (Deployment(),)
    quality: QualitySpec | None = None

    @property
    def tests(self) -> QualitySpec:
        """Limits of the tests."""
        return self.quality or QualitySpec.of(self.term)

    def attributes(self) -> dict[str, Any]:
        """Attributes of a variable in a file; several deployments are told one after the other."""

        def joined(name: str) -> str:
            return "; ".join(dict.fromkeys(text for d in self.deployments if (text := getattr(d, name))))

        made = {"sensor": self.name, "sensor_model": joined("model"), "sensor_serial_number": joined("serial"), "calibration": "; ".join(map(str, self.deployments))}  # fmt: skip
        return {name: text for name, text in made.items() if text} | ({} if self.depth is None else {"sensor_depth": self.depth})

    def to_dict(self) -> dict[str, Any]:
        """All that determines what is made of its readings, as plain data."""
        return {
            "term": self.term.code,
            "depth": self.depth,
            "deployments": [dataclasses.asdict(d) for d in self.deployments],
            "quality": dataclasses.asdict(self.tests),
        }

    @classmethod
    def from_dict(cls, name: str, data: Mapping[str, Any]) -> SensorInfo:
        """The sensor that `to_dict` put into words."""
        quality: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data["quality"].items()}
        deployments = tuple(Deployment(**d) for d in data["deployments"])
        return cls(name, TERMS[data["term"]], data["depth"], deployments, QualitySpec(**quality))


def known_sensor(name: str, described: Mapping[str, SensorInfo] | None = None) -> SensorInfo | None:
    """What is known of a sensor: as it was described, else by the last word of its name; ``None`` if that tells nothing."""
    if described is not None and name in described:
        return described[name]
    try:
        return SensorInfo(name, term_of(name))
    except UnknownNameError:
        return None


def read_descriptions(url: str) -> dict[str, SensorInfo]:
    """Sensors that a file describes, by name.

    Raises
    ------
    InputMissingError
    ConfigurationError
        Not such a file, or a word in it that means nothing.
    """
    try:
        with open_url(url) as file:
            document = tomllib.loads(file.read().decode())
    except FileNotFoundError as error:
        raise InputMissingError("The description of sensors does not exist", where=url) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"The description of sensors is no TOML: {error}", where=url) from error
    sensors = document.get("sensor", {})
    if set(document) - {"sensor"} or not isinstance(sensors, dict) or not all(isinstance(v, dict) for v in sensors.values()):
        raise ConfigurationError('A description of sensors holds tables [sensor."name"]', where=url, found=", ".join(document))
    return {name: _sensor(name, about, url) for name, about in sensors.items()}


def _sensor(name: str, about: Mapping[str, Any], url: str) -> SensorInfo:
    where = f"{url}, sensor {name}"
    _only(about, _KEYS, where)
    word = about.get("term")
    if word is not None and word not in TERMS:
        raise ConfigurationError(f"There is no term '{word}'", where=where, expected=", ".join(TERMS))
    try:
        term = TERMS[word] if word is not None else term_of(name)
    except UnknownNameError as error:
        raise ConfigurationError("The name does not tell what is measured", where=where, hint='Say it: term = "TEMP".') from error
    deployments, depth = about.get("deployment", []), about.get("depth")
    if not isinstance(deployments, list) or not all(isinstance(one, dict) for one in deployments):
        raise ConfigurationError("Deployments are tables of their own", where=where, found=deployments, expected=f'[[sensor."{name}".deployment]]')  # fmt: skip
    if isinstance(depth, bool) or not isinstance(depth, int | float | None):
        raise ConfigurationError("'depth' is a number, in metres below the surface", where=where, found=repr(depth))
    for one in deployments:
        _only(one, _DEPLOYED, where)
    made = tuple(sorted((Deployment(**{k: _text(v) for k, v in one.items()}) for one in deployments), key=lambda d: d.start))
    return SensorInfo(name, term, None if depth is None else float(depth), made or (Deployment(),), _quality(about, term, where))


def _quality(about: Mapping[str, Any], term: Term, where: str) -> QualitySpec:
    lengths = {"span": 2, "suspect_span": 2, "spike": 2, "rate_of_change": 0, "flat": 3}
    limits: dict[str, Any] = {}
    for name, length in lengths.items():
        if name not in about:
            continue
        numbers = about[name] if length else [about[name]]
        if not isinstance(numbers, list) or len(numbers) != (length or 1) or not all(isinstance(n, int | float) for n in numbers):
            raise ConfigurationError(
                f"'{name}' is not what a test needs", where=where, found=about[name], expected=f"{length or 1} numbers"
            )
        limits[name] = tuple(map(float, numbers)) if length else float(numbers[0])
    return QualitySpec(limits.pop("span", term.span), **limits)


def _only(about: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in about:
        if key not in known:
            raise ConfigurationError(f"'{key}' says nothing of a sensor", where=where, expected=", ".join(known))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime.date | datetime.datetime) else str(value)
