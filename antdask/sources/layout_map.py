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

Columns of trees may say more: ``count`` (the column that gives the number of elements of each entry), ``width`` (a fixed number of elements), ``vector`` (a ``std::vector``, which counts its own), ``record``
(the name under ``[[records]]`` of what its elements are, see `layout_record`), ``counts`` (the table of which each value counts rows), ``scale`` and ``offset`` (field = column x scale + offset; the offset is also how
a map declares where an index starts), ``whole`` (real numbers that must be whole), ``valid`` (smallest and largest value), ``fill`` (what stands where there is no value: becomes NaN), ``aliases`` (names in other versions of the format), ``optional`` (may be absent). ``[constants]`` are numbers
that derived fields need, each with note and status; ``detector`` is the label of the detector.

Maps of your own lie in the folder that the setting ``maps`` names.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from antdask.errors import AntdaskError, ConfigurationError, UnknownNameError
from antdask.model.schema import Field
from antdask.model.tables import schema
from antdask.plan import FileEntry, digest
from antdask.settings import load as load_settings
from antdask.settings import read_toml
from antdask.sources.layout_dataset import ASSUMED, VERIFIED, Column, Dataset, Derived, split_target
from antdask.sources.layout_record import Record, check_keys, interval, parse_record

#: How sources spell the units of the model. Another scale (say ``us``) is no spelling: it has no entry, and the map is refused.
SPELLINGS = {
    "": "1", "1": "1", "bool": "1", "generic": "1", "pe": "1", "PE": "1",
    "ns": "ns", "m": "m", "rad": "rad", "radian": "rad", "GeV": "GeV", "Gm/s": "Gm.s-1",
    "deg": "deg", "fm": "fm", "d": "d", "yr": "yr", "s": "s", "kHz": "kHz", "m2": "m2", "g/m2": "g.m-2",
}  # fmt: skip

#: Fields that every reader fills by itself.
BOOKKEEPING = {"source_input", "source_entry"}

_MAP_KEYS = {"layout", "format", "origin", "detector", "description", "provenance", "status", "constants", "records", "datasets"}
_CONSTANT_KEYS = {"value", "note", "status"}
_DATASET_KEYS = {"name", "stream", "table", "note", "attributes", "columns", "derived"}
_COLUMN_KEYS = {
    "source",
    "dtype",
    "unit",
    "target",
    "note",
    "provenance",
    "status",
    "count",
    "width",
    "record",
    "counts",
    "scale",
    "offset",
    "whole",
    "valid",
    "aliases",
    "optional",
    "vector",
    "fill",
}
_DERIVED_KEYS = {"target", "sources", "note", "provenance", "status"}
_WORDLESS = {"note", "provenance", "description"}


@dataclasses.dataclass(frozen=True)
class LayoutMap:
    """A checked map of one layout of one format."""

    layout: str
    format: str
    origin: str
    detector: str
    description: str
    datasets: Mapping[str, Dataset]
    constants: Mapping[str, float]
    hash: str
    guesses: tuple[str, ...]

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
        return list(self.guesses)


def names(format: str | None = None) -> list[str]:
    """Names of the maps in the folder of the setting ``maps``, and of those that come with antdask; of one format only, if it is given."""
    return sorted(name for name, path in _paths().items() if format in {None, _format(path)})


@functools.cache
def _format(path: Path) -> str:
    return str(read_toml(path).get("format", ""))


def _paths() -> dict[str, Path]:
    own = load_settings().maps
    # Not a zipped package: maps are files next to this one.
    folders = [Path(str(importlib.resources.files("antdask.sources").joinpath("maps"))), *([Path(own)] if own else [])]
    return {path.stem: path for folder in folders for path in _files(folder, folder.stat().st_mtime_ns if folder.is_dir() else 0)}


@functools.cache
def _files(folder: Path, changed_ns: int) -> list[Path]:
    """Maps in a folder, as of a change of it: every input asks for them several times."""
    del changed_ns
    return list(folder.glob("*.toml"))


@functools.cache
def load(name: str, *, strict: bool = False) -> LayoutMap:
    """The map of this name, checked against the model.

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
    found = parse(read_toml(_paths()[name]), where=f"{name}.toml", strict=strict)
    if found.layout != name:
        raise ConfigurationError("A layout map is named like its layout", where=f"{name}.toml", found=found.layout, expected=name)
    return found


def refuse_assumed(entry: FileEntry) -> None:
    """Make sure that no field of a file rests on an assumption, for a campaign that is strict.

    Raises
    ------
    ConfigurationError
        The map of its layout has fields that nobody has seen in a real file yet; the message names them. Layouts without map are known by code, from real files.
    """
    assumed = load(entry.layout).assumed() if entry.layout in names() else []
    if assumed:
        raise ConfigurationError("The layout map rests on assumptions, which strict mode refuses", where=f"{entry.url}, map '{entry.layout}'", found=", ".join(assumed), hint="See to the map, or leave --strict away.")  # fmt: skip


def parse(document: Mapping[str, Any], *, where: str, strict: bool = False) -> LayoutMap:
    """A map from the plain data of its TOML file; `where` names it in messages.

    Raises
    ------
    ConfigurationError
        As in `load`.
    """
    try:
        check_keys(document, _MAP_KEYS, {"layout", "format", "origin", "provenance", "status", "datasets"}, "the map")
        defaults = {"provenance": document["provenance"], "status": document["status"]}
        records = {r.name: r for r in (parse_record(item, defaults) for item in document.get("records", ()))}
        constants = _constants(document.get("constants", {}), defaults)
        datasets = [_dataset(d, defaults, records) for d in document["datasets"]]
        everywhere = {f"{d.name}/{name}" for d in datasets for c in d.columns for name in d.given_by(c)}
        for dataset in datasets:
            _check_dataset(dataset, document["origin"], everywhere)
        _check_coverage(datasets, document["origin"])
        layout_map = LayoutMap(
            layout=document["layout"],
            format=document["format"],
            origin=document["origin"],
            detector=document.get("detector", ""),
            description=document.get("description", ""),
            datasets={d.name: d for d in datasets},
            constants={name: c["value"] for name, c in constants.items()},
            hash=digest(_without_words(document)),
            guesses=(*(f"constants/{name}" for name, c in constants.items() if c["status"] == ASSUMED), *_guesses(datasets)),
        )
    except AntdaskError as error:
        raise ConfigurationError(f"The layout map cannot be used: {error}", where=where) from error
    except (TypeError, AttributeError, LookupError, ValueError, OverflowError) as error:
        raise ConfigurationError(f"The layout map is not of its form: {type(error).__name__}: {error}", where=where) from error
    if strict and layout_map.assumed():
        raise ConfigurationError("The layout map rests on assumptions, which strict mode refuses", where=where, found=", ".join(layout_map.assumed()))  # fmt: skip
    return layout_map


def _without_words(value: Any) -> Any:
    # The hash stands for what determines the values; a better note must not make all archived data look stale.
    if isinstance(value, Mapping):
        return {k: _without_words(v) for k, v in value.items() if k not in _WORDLESS}
    return [_without_words(v) for v in value] if isinstance(value, list) else value


def _constants(data: Mapping[str, Any], defaults: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name, item in data.items():
        check_keys(item, _CONSTANT_KEYS, {"value", "note"}, f"constant '{name}'")
        found[name] = {"status": defaults["status"], **item}
        _check_status(found[name]["status"], f"constant '{name}'")
    return found


def _guesses(datasets: Iterable[Dataset]) -> Iterator[str]:
    for d in datasets:
        words = [(c.source, c.status) for c in d.columns] + [(f"{c.source}.{f.name}", f.status) for c, f in d.record_fields()]
        yield from (f"{d.name}/{name}" for name, status in words + [(x.field, x.status) for x in d.derived] if status == ASSUMED)


def _dataset(data: Mapping[str, Any], defaults: Mapping[str, str], records: Mapping[str, Record]) -> Dataset:
    check_keys(data, _DATASET_KEYS, {"name", "stream", "table", "columns"}, "a data set")
    table = data["table"]
    columns, derived = [], []
    for item in data["columns"]:
        check_keys(item, _COLUMN_KEYS, {"source", "dtype"}, f"a column of {data['name']}")
        words = {"unit": "", "note": "", **defaults, **item, "valid": interval(item.get("valid"), f"{data['name']}/{item['source']}")}
        if words.get("record", "") not in {"", *records}:
            raise UnknownNameError.of("record", words["record"], records, where=f"{data['name']}/{item['source']}")
        words["aliases"] = tuple(words.get("aliases", ()))
        target, field = split_target(words.pop("target", ""), table)
        columns.append(Column(table=target, field=field, **words))
    for item in data.get("derived", ()):
        check_keys(item, _DERIVED_KEYS, {"target", "sources", "note"}, f"a derived field of {data['name']}")
        words = {**defaults, **item, "sources": tuple(item["sources"])}
        target, field = split_target(words.pop("target"), table)
        derived.append(Derived(table=target, field=field, **words))
    return Dataset(
        name=data["name"],
        stream=data["stream"],
        table=table,
        note=data.get("note", ""),
        attributes=dict(data.get("attributes", {})),
        columns=tuple(columns),
        derived=tuple(derived),
        records=records,
    )


def _check_dataset(dataset: Dataset, origin: str, everywhere: set[str]) -> None:
    tables = schema(dataset.stream)
    seen: set[str] = set()
    for column in dataset.columns:
        place = f"{dataset.name}/{column.source}"
        if column.source in seen:
            raise ConfigurationError("A source column stands twice", where=place)
        seen.update(dataset.given_by(column))
        _check_status(column.status, place)
        if column.vector and (column.count or column.width != 1 or column.record):
            raise ConfigurationError("A vector of numbers counts its own elements, and holds no records", where=place)
        if column.fill is not None and (not column.field or tables.table(column.table).field(column.field).numpy.kind != "f"):
            raise ConfigurationError("Only a real number can be missing by its value", where=place, found=f"fill = {column.fill}", hint="Leave the value as it stands, and say in the note what it means.")  # fmt: skip
        if column.count and column.count not in seen:
            raise UnknownNameError.of("source column", column.count, seen, where=place)
        if column.field:
            field = _field(tables.table(column.table).columns(origin), column.field, place)
            _check_unit(column.unit, field, place)
            _check_dtype("i8" if column.whole else column.dtype, field, place)
        elif not column.note and not column.record:
            raise ConfigurationError("A column without target needs a note that says why", where=place)
    for column, part in dataset.record_fields():
        place = f"{dataset.name}/{column.source}.{part.name}"
        _check_status(part.status, place)
        if part.target:
            table, name = dataset.place(part.target)
            _check_dtype(part.dtype, _field(tables.table(table).columns(origin), name, place), place)
    for derived in dataset.derived:
        place = f"{dataset.name}/{derived.field}"
        _field(tables.table(derived.table).columns(origin), derived.field, place)
        _check_status(derived.status, place)
        for source in derived.sources:
            if source not in seen | everywhere:
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
        targets += [d.place(f.target) for _, f in d.record_fields() if f.target]
    for stream, targets in given.items():
        twice = sorted({f"{t}.{f}" for t, f in targets if targets.count((t, f)) > 1})
        if twice:
            raise ConfigurationError("Fields with more than one source", where=f"stream '{stream}'", found=", ".join(twice))
        wanted = {(t.name, f) for t in schema(stream).given_by(origin) for f in t.columns(origin) if f not in BOOKKEEPING}
        missing = sorted(f"{t}.{f}" for t, f in wanted - set(targets))
        if missing:
            raise ConfigurationError("Fields without source", where=f"stream '{stream}'", found=", ".join(missing))
