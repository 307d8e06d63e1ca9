"""The page docs/reference/tables.md, made from the declared tables."""

from __future__ import annotations

from antdask.model import tables
from antdask.model.schema import Field, Schema, Table

INTRODUCTION = f"""# Tables

Every stream, table and column of an archive, schema version {tables.SCHEMA_VERSION}. The same text stands inside each part, as attributes of its arrays.

- *unit*: a [VOUnit](https://www.ivoa.net/documents/VOUnits/) string, `1` for pure numbers (one of UDUNITS where VOUnits has no word: `0.01 degC`). *UCD*: a word of the IVOA list UCD1+, which says what kind of quantity it is.
- *given by*: the sources that give the column; a column that a source does not give is absent in its parts, never filled with zeros.
- A ragged table hangs below its parent: row *i* of the parent owns the rows `offsets[i]:offsets[i+1]`.
- [Glossary](../glossary.md) of the words used here; [why time is an integer](../decisions/0003-time-and-units.md).
"""


def text() -> str:
    """The whole page."""
    streams = ", ".join(f"[{name}](#{name})" for name in tables.SCHEMAS)
    parts = [INTRODUCTION, f"Streams: {streams}. In the catalogue: [runs](#runs).\n"]
    shown: dict[tuple[Table, ...], str] = {}
    for schema in tables.SCHEMAS.values():
        parts.append(_stream(schema, shown.get(schema.tables)))
        shown.setdefault(schema.tables, schema.name)
    parts.append(
        f"## runs\n\n{_sentence(tables.RUNS.description)} Derived from the parts; stands in the catalogue only.\n\n{_columns(tables.RUNS)}"
    )
    return "\n".join(parts)


def _stream(schema: Schema, same_as: str | None) -> str:
    head = f"## {schema.name}\n\n{_sentence(schema.description)} Rows of a part are sorted by {' and '.join(f'`{name}`' for name in schema.order)}.\n"
    if same_as:
        return head + f"\nThe tables are those of [{same_as}](#{same_as}).\n"
    return head + "".join(f"\n{_heading(schema, table)}\n\n{_columns(table)}" for table in schema.tables)


def _heading(schema: Schema, table: Table) -> str:
    place = f"ragged, below `{table.parent}`" if table.parent else "row table"
    given = f"; given by {', '.join(table.origins)}" if table.origins else ""
    return f"### {schema.name} / {table.name}\n\n{_sentence(table.description)} ({place}{given})"


def _columns(table: Table) -> str:
    rows = ["| column | type | unit | meaning | UCD | given by |", "|---|---|---|---|---|---|"]
    rows += [f"| `{f.name}` | {_type(f)} | {f.unit} | {_meaning(f)} | {f.ucd} | {', '.join(f.origins) or 'all'} |" for f in table.fields]
    return "\n".join(rows) + "\n"


def _type(field: Field) -> str:
    kind = "string" if field.numpy.kind == "U" else field.numpy.name
    return kind + "".join(f" × {size} ({name})" for name, size in field.dims)


def _meaning(field: Field) -> str:
    missing = f" Missing: {field.missing}." if field.missing else ""
    flags = f" Flags: {', '.join(f'{bit} {name}' for bit, name in field.flags)}." if field.flags else ""
    return _sentence(field.description) + missing + flags


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:].rstrip(".") + "."
