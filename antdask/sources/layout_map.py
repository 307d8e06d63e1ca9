"""Layout maps: which column of a source goes to which field, declared in ``maps/*.toml`` and checked when loaded.

A map is data, not code. One inline table per column of the source::

    [[datasets]]
    name = "CalibratedPulses"
    stream = "events"
    table = "hits"
    columns = [
      { source = "time", dtype = "f8", unit = "ns", target = "time_ns", note = "relative to the event" },
      { source = "Run", dtype = "u4", note = "equals the index; checked, not archived twice" },
    ]

``target`` is a field of `table`, or ``table.field``; a column without target says in its note why. Fields that code computes stand under
``derived``. Together the maps of a stream must give every field that `antdask.model.tables` declares for their origin.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from antdask.errors import AntdaskError, ConfigurationError, UnknownNameError
from antdask.model.schema import Field
from antdask.model.tables import schema
from antdask.plan import digest
from antdask.settings import read_toml

VERIFIED, ASSUMED = "verified", "assumed"

#: How sources spell the units of the model. Another scale (say ``us``) is no spelling: it has no entry, and the map is refused.
SPELLINGS = {
    "": "1", "1": "1", "bool": "1", "generic": "1", "pe": "1", "PE": "1",
    "ns": "ns", "m": "m", "rad": "rad", "radian": "rad", "GeV": "GeV", "Gm/s": "Gm.s-1",
}  # fmt: skip

#: Fields that every reader fills by itself.
BOOKKEEPING = {"source_input", "source_entry"}

_MAP_KEYS = {"layout", "format", "origin", "description", "provenance", "status", "datasets"}
_DATASET_KEYS = {"name", "stream", "table", "note", "attributes", "columns", "derived"}
_COLUMN_KEYS = {"source", "dtype", "unit", "target", "note", "provenance", "status"}
_DERIVED_KEYS = {"target", "sources", "note", "provenance", "status"}
_WORDLESS = {"note", "provenance", "description"}


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column of the source.

    Parameters
    ----------
    source, dtype, unit : str
        Name, NumPy code without byte order, and unit, all as the source writes them.
    table, field : str
        Where it goes; both empty for a column that is not archived.
    note, provenance, status : str
        ``status`` is ``"verified"`` (seen in a real file) or ``"assumed"``.
    """

    source: str
    dtype: str
    unit: str
    table: str
    field: str
    note: str
    provenance: str
    status: str


@dataclasses.dataclass(frozen=True, slots=True)
class Derived:
    """A field that the reader computes from columns `sources` of this data set."""

    table: str
    field: str
    sources: tuple[str, ...]
    note: str
    provenance: str
    status: str


@dataclasses.dataclass(frozen=True)
class Dataset:
    """One data set (tree) of the source.

    Parameters
    ----------
    name, stream, table : str
        Name in the file; where its columns go unless they say otherwise.
    attributes : mapping
        Attributes that the data set must carry with these values.
    """

    name: str
    stream: str
    table: str
    note: str
    attributes: Mapping[str, Any]
    columns: tuple[Column, ...]
    derived: tuple[Derived, ...]

    def dtypes(self) -> dict[str, np.dtype]:
        """Declared dtype of every source column, in native byte order."""
        return {c.source: np.dtype(c.dtype) for c in self.columns}

    def targets(self, table: str) -> dict[str, str]:
        """Source column by field, for the columns that go to `table`."""
        return {c.field: c.source for c in self.columns if c.table == table}


@dataclasses.dataclass(frozen=True)
class LayoutMap:
    """A checked map of one layout of one format."""

    layout: str
    format: str
    origin: str
    description: str
    datasets: Mapping[str, Dataset]
    hash: str

    def dataset(self, name: str) -> Dataset:
        """The data set of this name.

        Raises
        ------
        UnknownNameError
            The map declares no such data set.
        """
        if name not in self.datasets:
            raise UnknownNameError.of("data set", name, self.datasets, where=f"map '{self.layout}'")
        return self.datasets[name]

    def assumed(self) -> list[str]:
        """Source columns and derived fields that nobody has seen in a real file yet, as ``dataset/name``."""
        return [
            f"{d.name}/{name}"
            for d in self.datasets.values()
            for name, status in [(c.source, c.status) for c in d.columns] + [(x.field, x.status) for x in d.derived]
            if status == ASSUMED
        ]


def names() -> list[str]:
    """Names of the maps that come with antdask."""
    folder = importlib.resources.files("antdask.sources").joinpath("maps")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


@functools.cache
def load(name: str, *, strict: bool = False) -> LayoutMap:
    """The map that comes with antdask under this name, checked against the model.

    Parameters
    ----------
    strict : bool
        Refuse a map with assumed columns.

    Raises
    ------
    UnknownNameError
        No such map.
    ConfigurationError
        A map that contradicts the model, or (strict) rests on assumptions.
    """
    if name not in names():
        raise UnknownNameError.of("layout map", name, names())
    resource = importlib.resources.files("antdask.sources").joinpath("maps", f"{name}.toml")
    with importlib.resources.as_file(resource) as path:
        return parse(read_toml(path), where=f"{name}.toml", strict=strict)


def parse(document: Mapping[str, Any], *, where: str, strict: bool = False) -> LayoutMap:
    """A map from the plain data of its TOML file; `where` names it in messages.

    Raises
    ------
    ConfigurationError
        As in `load`.
    """
    try:
        _check_keys(document, _MAP_KEYS, {"layout", "format", "origin", "provenance", "status", "datasets"}, "the map")
        defaults = {"provenance": document["provenance"], "status": document["status"]}
        datasets = [_dataset(d, defaults) for d in document["datasets"]]
        for dataset in datasets:
            _check_dataset(dataset, document["origin"])
        _check_coverage(datasets, document["origin"])
    except (TypeError, AttributeError, KeyError) as error:
        raise ConfigurationError(f"The layout map is not of its form: {type(error).__name__}: {error}", where=where) from error
    except AntdaskError as error:
        raise ConfigurationError(f"The layout map cannot be used: {error}", where=where) from error
    layout_map = LayoutMap(
        layout=document["layout"],
        format=document["format"],
        origin=document["origin"],
        description=document.get("description", ""),
        datasets={d.name: d for d in datasets},
        hash=digest(_without_words(document)),
    )
    if strict and layout_map.assumed():
        raise ConfigurationError("The layout map rests on assumptions, which strict mode refuses", where=where, found=", ".join(layout_map.assumed()))  # fmt: skip
    return layout_map


def _without_words(value: Any) -> Any:
    # The hash stands for what determines the values; a better note must not make all archived data look stale.
    if isinstance(value, Mapping):
        return {k: _without_words(v) for k, v in value.items() if k not in _WORDLESS}
    return [_without_words(v) for v in value] if isinstance(value, list) else value


def _dataset(data: Mapping[str, Any], defaults: Mapping[str, str]) -> Dataset:
    _check_keys(data, _DATASET_KEYS, {"name", "stream", "table", "columns"}, "a data set")
    table = data["table"]
    columns, derived = [], []
    for item in data["columns"]:
        _check_keys(item, _COLUMN_KEYS, {"source", "dtype"}, f"a column of {data['name']}")
        words = {"unit": "", "note": "", **defaults, **item}
        target, field = _target(words.pop("target", ""), table)
        columns.append(Column(table=target, field=field, **words))
    for item in data.get("derived", ()):
        _check_keys(item, _DERIVED_KEYS, {"target", "sources", "note"}, f"a derived field of {data['name']}")
        words = {**defaults, **item, "sources": tuple(item["sources"])}
        target, field = _target(words.pop("target"), table)
        derived.append(Derived(table=target, field=field, **words))
    return Dataset(
        name=data["name"],
        stream=data["stream"],
        table=table,
        note=data.get("note", ""),
        attributes=dict(data.get("attributes", {})),
        columns=tuple(columns),
        derived=tuple(derived),
    )


def _target(text: str, table: str) -> tuple[str, str]:
    if not text:
        return "", ""
    head, _, tail = text.rpartition(".")
    return head or table, tail


def _check_keys(data: Mapping[str, Any], known: set[str], needed: set[str], what: str) -> None:
    if not isinstance(data, Mapping):
        raise TypeError(f"{what} is {data!r}, not a table of keys")
    for key in data:
        if key not in known:
            raise UnknownNameError.of("key", key, known, where=what)
    if needed - set(data):
        raise ConfigurationError(f"Missing in {what}", found=sorted(data), expected=sorted(needed))


def _check_dataset(dataset: Dataset, origin: str) -> None:
    tables = schema(dataset.stream)
    seen: set[str] = set()
    for column in dataset.columns:
        place = f"{dataset.name}/{column.source}"
        if column.source in seen:
            raise ConfigurationError("A source column stands twice", where=place)
        seen.add(column.source)
        _check_status(column.status, place)
        if column.field:
            field = _field(tables.table(column.table).columns(origin), column.field, place)
            _check_unit(column.unit, field, place)
            _check_dtype(column.dtype, field, place)
        elif not column.note:
            raise ConfigurationError("A column without target needs a note that says why", where=place)
    for derived in dataset.derived:
        place = f"{dataset.name}/{derived.field}"
        _field(tables.table(derived.table).columns(origin), derived.field, place)
        _check_status(derived.status, place)
        for source in derived.sources:
            if source not in seen:
                raise UnknownNameError.of("source column", source, seen, where=place)


def _field(fields: Mapping[str, Field], name: str, where: str) -> Field:
    if name not in fields:
        raise UnknownNameError.of("target field", name, fields, where=where)
    return fields[name]


def _check_status(status: str, where: str) -> None:
    if status not in {VERIFIED, ASSUMED}:
        raise ConfigurationError("Unknown status", where=where, found=repr(status), expected=f"'{VERIFIED}' or '{ASSUMED}'")


def _check_unit(unit: str, field: Field, where: str) -> None:
    if SPELLINGS.get(unit) != field.unit:
        raise ConfigurationError(f"The unit does not agree with field '{field.name}'", where=where, found=repr(unit), expected=repr(field.unit), hint=f"Known spellings: {', '.join(k for k in SPELLINGS if k)}.")  # fmt: skip


def _check_dtype(dtype: str, field: Field, where: str) -> None:
    # Integers may narrow or change sign (the reader checks each value); a real number must fit as it is.
    source, target = np.dtype(dtype), field.numpy
    fits = target.kind in "iu" if source.kind in "iu" else np.can_cast(source, target, "safe")
    if not fits:
        raise ConfigurationError(f"The dtype does not fit field '{field.name}'", where=where, found=dtype, expected=field.dtype)


def _check_coverage(datasets: Iterable[Dataset], origin: str) -> None:
    given: dict[str, list[tuple[str, str]]] = {}
    for d in datasets:
        targets = given.setdefault(d.stream, [])
        targets += [(c.table, c.field) for c in d.columns if c.field] + [(x.table, x.field) for x in d.derived]
    for stream, targets in given.items():
        twice = sorted({f"{t}.{f}" for t, f in targets if targets.count((t, f)) > 1})
        if twice:
            raise ConfigurationError("Fields with more than one source", where=f"stream '{stream}'", found=", ".join(twice))
        wanted = {(t.name, f) for t in schema(stream).given_by(origin) for f in t.columns(origin) if f not in BOOKKEEPING}
        missing = sorted(f"{t}.{f}" for t, f in wanted - set(targets))
        if missing:
            raise ConfigurationError("Fields without source", where=f"stream '{stream}'", found=", ".join(missing))
