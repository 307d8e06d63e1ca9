"""Every file of km3net-testdata: the table in docs/sources/README.md says what is read of it, or why nothing is, and this proves the table."""

from __future__ import annotations

import functools
from pathlib import Path

import km3net_testdata
import pytest

from antdask.errors import InputError, UnknownFormatError, UnknownLayoutError
from antdask.model.ragged import concatenate
from antdask.plan import FileEntry
from antdask.sources import SOURCES, describe_all
from tests.sources import offline_samples as samples

DATA = Path(km3net_testdata.__file__).parent / "data"
PAGE = Path(__file__).parents[2] / "docs" / "sources" / "README.md"

#: A summary slice whose time the simulation never set: quarantined, and its neighbours are read.
UNSET = ("offline/mcv6.gsg_nue-CCHEDIS_1e4-1e6GeV.sirene.jte.jchain.aanet.1.root", "rates")


@functools.cache
def table() -> dict[str, list[tuple[str, str, str]]]:
    """Source, rows and hits by file, as the page says; no source where a file is not read."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for line in PAGE.read_text(encoding="utf-8").partition("## Every file")[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] not in ("file", "---"):
            found.setdefault(cells[0], []).append((cells[1], cells[2], cells[3]) if len(cells) == 4 else ("", cells[1], ""))
    return found


def what(file: str, entry: FileEntry) -> tuple[str, str, str]:
    """A row of the table, from the file itself; the values of offline files are compared with uproot on the way."""
    rows: dict[str, int] = {}
    hits = 0
    for s in entry.segments:
        rows[s.stream] = rows.get(s.stream, 0) + s.stop - s.start
        start = s.start + ((file, s.stream) == UNSET)
        batch = concatenate(list(SOURCES.get(entry.format).read(entry, s.tree, start, s.stop)))
        assert batch.problems() == []
        hits += batch.hits
        if entry.format == "km3net_offline" and s.stream != "headers":
            with samples.Events(entry.url) as events:
                assert events.differences(batch) == []
    return entry.format, ", ".join(f"{stream} {n:,}" for stream, n in rows.items()), f"{hits:,}" if hits else ""


def test_the_table_has_every_file() -> None:
    assert sorted(table()) == sorted(str(p.relative_to(DATA)) for p in DATA.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc"))


@pytest.mark.parametrize("file", sorted(table()))
def test_a_file_is_what_the_table_says(file: str) -> None:
    path = str(DATA / file)
    if table()[file][0][0]:
        assert [what(file, entry) for entry in describe_all(path)] == table()[file]
    else:
        with pytest.raises(InputError) as caught:
            describe_all(path)
        assert isinstance(caught.value, (UnknownFormatError, UnknownLayoutError))
        assert len(table()[file][0][1]) > 10
