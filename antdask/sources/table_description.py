"""Descriptions that astropy keeps beside its tables in HDF5: units of columns, which columns are masks, and which pairs of columns are times.

A data set ``T.__table_column_meta__`` holds lines of YAML for table ``T``::

    datatype:
    - {name: energy, unit: GeV, datatype: float64}
    meta: !!omap
    - __serialized_columns__:
        tracktime_utc:
          __class__: astropy.time.core.Time
          format: unix
          scale: utc
          jd1: !astropy.table.SerializedColumn {name: tracktime_utc.jd1}
          …

They are compared with these forms line by line and nothing is evaluated: a tag names no code here. What has another form could mean that a number is not what it seems, so it is refused.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping

import h5py
import numpy as np

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources.hdf5_table import Table

SUFFIX = ".__table_column_meta__"
TIME, MASKED = "astropy.time.core.Time", "astropy.table.column.MaskedColumn"

_DTYPES = re.compile(r"u?int(8|16|32|64)|float(16|32|64)|bool|string")
_COLUMN_KEYS = {"name", "unit", "datatype", "description", "format"}
#: How a time is shown.
_SHOWN = {"in_subfmt", "out_subfmt", "precision"}
_SERIALIZED = "- __serialized_columns__:"
_WORD = r"'(?:[^']|'')*'|\"[^\"\\]*\"|[^\s,{}'\"\[\]&*!|>%@#][^,{}'\"#]*"
_PAIR = re.compile(rf"\s*(\w+):\s+({_WORD})\s*(,|$)")
_ITEM = re.compile(rf"      (\w+): ({_WORD})")
_REFERENCE = re.compile(rf"      (\w+): !astropy\.table\.SerializedColumn \{{name: ({_WORD})\}}")
_OWNER = re.compile(rf"    ({_WORD}):")


@dataclasses.dataclass(frozen=True)
class Description:
    """What a table says of its columns.

    Parameters
    ----------
    units : mapping of column to str
        As written by astropy, empty where none is stated; in the order of the table.
    dtypes : mapping of column to str
        Name of a NumPy type, or ``string``.
    times : mapping of str to (str, str)
        Name of each time, and the columns of the two parts of its Julian date, UTC.
    masks : mapping of column to column
        For a column with masked rows, the one that says which.
    text : bytes
        The lines as they stand in the file.
    """

    units: Mapping[str, str]
    dtypes: Mapping[str, str]
    times: Mapping[str, tuple[str, str]]
    masks: Mapping[str, str]
    text: bytes

    @classmethod
    def find(cls, file: h5py.File, name: str, url: str) -> Description:
        """The description of table `name`.

        Raises
        ------
        UnknownLayoutError
            There is none, or it has a form that is not known.
        CorruptFileError
            It cannot be read.
        """
        where = f"{url}, {name}{SUFFIX}"
        lines = Table.find(file, name + SUFFIX, where, compound=False).rows(0, None)
        if lines.dtype.kind != "S":
            raise UnknownLayoutError("The description of a table is no text", where=where, found=str(lines.dtype))
        return parse(lines.tolist(), where)


def parse(lines: list[bytes], where: str) -> Description:
    """A description from its lines.

    Raises
    ------
    UnknownLayoutError
        A line has a form that is not known.
    CorruptFileError
        The text contradicts itself, or is none.

    Examples
    --------
    >>> found = parse([b"datatype:", b"- {name: energy, unit: GeV, datatype: float64}"], "file")
    >>> found.units, found.dtypes
    ({'energy': 'GeV'}, {'energy': 'float64'})
    """
    text = b"\n".join(lines)
    try:
        words = [line.decode("utf-8") for line in lines]
    except UnicodeDecodeError as error:
        raise CorruptFileError("The description of a table is no text", where=where, found=str(error)) from error
    columns: dict[str, dict[str, str]] = {}
    owners: dict[str, dict[str, str]] = {}
    section, owner = "", ""
    for line in _joined(words):
        if line in ("datatype:", "meta: !!omap"):
            section = line
        elif section == "datatype:" and line.startswith("- {") and line.endswith("}"):
            column = _pairs(line[3:-1], where)
            columns[column["name"]] = column
        elif section and section != "datatype:" and line.startswith("- "):
            # Other things that its user noted of a table stand in the text, which is kept.
            section = line if line == _SERIALIZED else "- noted"
        elif section == "- noted" and line.startswith("  "):
            continue
        elif section == _SERIALIZED and (found := _OWNER.fullmatch(line)):
            owner = _plain(found[1])
            owners[owner] = {}
        elif section == _SERIALIZED and owner and (found := _REFERENCE.fullmatch(line) or _ITEM.fullmatch(line)):
            owners[owner][found[1]] = _plain(found[2])
        else:
            raise _unknown(line, where)
    return _checked(columns, owners, text, where)


def _joined(lines: list[str]) -> Iterator[str]:
    """Lines, with those joined that one pair of braces goes through."""
    pending = ""
    for line in lines:
        pending = f"{pending} {line.strip()}" if pending else line.rstrip()
        if pending.count("{") <= pending.count("}"):
            yield pending
            pending = ""
    if pending:
        yield pending


def _pairs(text: str, where: str) -> dict[str, str]:
    """What stands in the braces of a column."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None or pair[1] not in _COLUMN_KEYS or pair[1] in found:
            raise _unknown(text, where)
        found[pair[1]] = _plain(pair[2])
        at = pair.end()
    if not {"name", "datatype"} <= found.keys() or not _DTYPES.fullmatch(found["datatype"]):
        raise _unknown(text, where)
    return found


def _plain(word: str) -> str:
    if word[0] == "'":
        return word[1:-1].replace("''", "'")
    return word[1:-1] if word[0] == '"' else word.strip()


def _checked(columns: dict[str, dict[str, str]], owners: dict[str, dict[str, str]], text: bytes, where: str) -> Description:
    times: dict[str, tuple[str, str]] = {}
    masks: dict[str, str] = {}
    for name, said in owners.items():
        kind = said.get("__class__", "")
        if kind == TIME and {"format", "scale", "jd1", "jd2"} == said.keys() - _SHOWN - {"__class__"}:
            if (said["format"], said["scale"]) != ("unix", "utc"):
                raise UnknownLayoutError(f"Time '{name}' has a scale or a format that is not known", where=where, found=f"{said['scale']}, {said['format']}", expected="utc, unix")  # fmt: skip
            times[name] = said["jd1"], said["jd2"]
        elif kind == MASKED and {"data"} <= said.keys() <= {"__class__", "data", "mask"}:
            if "mask" in said:
                masks[said["data"]] = said["mask"]
        else:
            raise UnknownLayoutError(f"Column '{name}' is kept in a way that is not known", where=where, found=", ".join(f"{k}: {v}" for k, v in said.items()), expected="Time or MaskedColumn of astropy")  # fmt: skip
    named = {c for pair in times.values() for c in pair} | {
        c for said in owners.values() for c in (said.get("data"), said.get("mask")) if c
    }
    if lost := sorted(named - columns.keys()):
        raise CorruptFileError("The description of a table names columns that it does not have", where=where, found=", ".join(lost))
    units = {name: column.get("unit", "") for name, column in columns.items()}
    return Description(units, {name: column["datatype"] for name, column in columns.items()}, times, masks, text)


def _unknown(line: str, where: str) -> UnknownLayoutError:
    return UnknownLayoutError("A line of the description of a table is not known", where=where, found=line[:120], hint="Write the table with astropy's Table.write(serialize_meta=True), columns and Time only.")  # fmt: skip


def agrees(dtype: np.dtype, said: str) -> bool:
    """Whether a column is of the type that the description gives it.

    Examples
    --------
    >>> agrees(np.dtype(">f8"), "float64"), agrees(np.dtype("S5"), "string"), agrees(np.dtype("i4"), "int64")
    (True, True, False)
    """
    return dtype.kind == "S" if said == "string" else dtype.newbyteorder("=") == np.dtype(said)
