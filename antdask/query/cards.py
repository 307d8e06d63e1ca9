"""Cards: what is in an archive or a stream, as text for a terminal and as HTML for a notebook, with the next lines to type."""

from __future__ import annotations

import dataclasses
import html
import textwrap
from collections.abc import Sequence
from typing import Any

from antdask.model.schema import Schema
from antdask.query.columns import key_columns
from antdask.query.explanation import size


@dataclasses.dataclass(frozen=True)
class Card:
    """A title, facts, one table, and what to type next.

    Parameters
    ----------
    facts : sequence of (heading, text)
    head : sequence of str
        Headings of the table; those that begin with ``#`` stand above numbers, to the right.
    rows : sequence of sequences of str
    following : sequence of str
        Lines of Python.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    following: Sequence[str]

    def text(self) -> str:
        """For a terminal."""
        widths = [max(len(row[i]) for row in (self.head, *self.rows)) for i in range(len(self.head))]
        # The last column is as long as it is.
        widths[-1:] = [0]
        lines = [self.title, *(f"  {head:11} {text}" for head, text in self.facts)]
        if self.rows:
            lines += ["", *("  " + self._line(row, widths) for row in ([h.lstrip("#") for h in self.head], *self.rows))]
        return "\n".join([*lines, "", "Next:", *(f"  {line}" for line in self.following)])

    def _line(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = (cell.rjust(w) if h.startswith("#") else cell.ljust(w) for cell, w, h in zip(row, widths, self.head, strict=True))
        return "  ".join(cells).rstrip()

    def html(self) -> str:
        """For a notebook."""
        facts = "".join(
            f"<tr><th style='text-align:left'>{_safe(h)}</th><td style='text-align:left'>{_safe(t)}</td></tr>" for h, t in self.facts
        )
        head = "".join(f"<th style='text-align:{'right' if h.startswith('#') else 'left'}'>{_safe(h.lstrip('#'))}</th>" for h in self.head)
        rows = "".join(f"<tr>{''.join(self._cell(h, cell) for h, cell in zip(self.head, row, strict=True))}</tr>" for row in self.rows)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if self.rows else ""
        return f"<b>{_safe(self.title)}</b><table>{facts}</table>{table}<pre>{_safe(chr(10).join(self.following))}</pre>"

    def _cell(self, head: str, cell: str) -> str:
        return f"<td style='text-align:{'right' if head.startswith('#') else 'left'}'>{_safe(cell)}</td>"


def archive_card(info: dict[str, Any]) -> Card:
    """Card of an archive from what `Archive.info` gives."""
    total = info["total"]
    facts = [
        ("detectors", ", ".join(total["detectors"]) or "none"),
        ("runs", _runs(total)),
        ("time", _times(total)),
        ("holds", f"{total['rows']:,} rows, {total['hits']:,} hits in {total['parts']:,} parts, {size(total['nbytes'])}"),
        ("inputs", f"{info['inputs']:,}; quarantine: {', '.join(f'{n} {code}' for code, n in info['quarantine'].items()) or 'empty'}"),
    ]
    rows = [
        (
            name,
            f"{s['parts']:,}",
            f"{s['runs']:,}",
            f"{s['rows']:,}",
            f"{s['hits']:,}",
            size(s["nbytes"]),
            ", ".join(s["detectors"]),
            _lineages(s),
        )
        for name, s in info["streams"].items()
    ]
    first = next(iter(info["streams"]), None)
    following = ["archive.runs", f'archive.stream("{first}")'] if first else ["antdask convert INPUT… --archive URL    (in a shell)"]
    if first:
        following.append(f'archive.stream("{first}").select(run={info["streams"][first]["first_run"]}).to_awkward()')
    head = ("stream", "#parts", "#runs", "#rows", "#hits", "#bytes", "detectors", "lineages")
    return Card(f"antdask archive {info['url']}", facts, head, rows, following)


def stream_card(schema: Schema, columns: Sequence[str], facts: dict[str, Any]) -> Card:
    """Card of a stream: its tables, columns and units."""
    lines = [
        ("what", schema.description),
        ("detectors", ", ".join(facts["detectors"])),
        ("runs", _runs(facts)),
        ("time", _times(facts)),
        ("holds", f"{facts['rows']:,} rows, {facts['hits']:,} hits in {facts['parts']:,} parts, {size(facts['nbytes'])}"),
        ("lineages", ", ".join(facts["lineages"])),
    ]
    keys = set(key_columns(schema))
    rows = []
    for path in columns:
        table, _, name = path.rpartition("/")
        field = schema.table(table).field(name)
        written = name if table == schema.rows.name else f"{table}.{name}"
        kind = field.numpy.name + "".join(f" x {n} ({dim})" for dim, n in field.dims)
        origins = f" [{', '.join(field.origins)}]" if field.origins else ""
        # The whole description stands in the schema; here it must fit into a line.
        words = textwrap.shorten(field.description.partition(";")[0], 70, placeholder=" …")
        rows.append((written, kind, "" if field.unit == "1" else field.unit, ("key: " if path in keys else "") + words + origins))
    fields = {path: schema.table(path.partition("/")[0]).field(path.partition("/")[2]) for path in columns}
    ragged = next((p.replace("/", ".") for p in columns if not p.startswith(f"{schema.rows.name}/") and not fields[p].dims), None)
    following = [f'stream.select(run={facts["first_run"]}, where="{schema.order[0]} >= 0").explain()', "stream.to_awkward(columns=[…])"]
    if ragged:
        following.insert(1, f'stream.select(where="count({ragged} >= 0) > 10")')
    return Card(f"stream '{schema.name}'", lines, ("column", "type", "unit", "meaning"), rows, following)


def html_lines(lines: list[str]) -> str:
    """Lines for a notebook, the first as a heading."""
    first, *rest = lines
    return f"<b>{html.escape(first)}</b><br>" + "<br>".join(html.escape(line) for line in rest)


def _runs(facts: dict[str, Any]) -> str:
    if not facts["runs"]:
        return "none"
    return f"{facts['runs']:,}: {facts['first_run']}" + (f" to {facts['last_run']}" if facts["last_run"] != facts["first_run"] else "")


def _times(facts: dict[str, Any]) -> str:
    return f"{facts['first_utc']} to {facts['last_utc']}" if facts["first_utc"] else "the sources give none"


def _lineages(facts: dict[str, Any]) -> str:
    names = facts["lineages"]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _safe(text: str) -> str:
    return html.escape(text)
