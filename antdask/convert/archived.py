"""Parts of an archive as a source: what was archived is read again, to be reprocessed or joined with others.

Not found by name or glob: `antdask reprocess` and `antdask compact` plan them from the catalogue of their archive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from antdask.archive import layout as lay
from antdask.archive.ledger import Receipt
from antdask.archive.part_file import PartFile
from antdask.archive.reading import PartReader
from antdask.archive.store import Store
from antdask.errors import CorruptFileError, DamagedPartError, InputError, UsageError
from antdask.model.keys import RunKey
from antdask.model.ragged import Batch
from antdask.model.tables import schema
from antdask.plan import ARCHIVED, FileEntry, Segment, digest
from antdask.query.binding import Scope
from antdask.query.pieces import Piece
from antdask.query.predicate import Predicate
from antdask.sources.files import identify

#: Aim for so many bytes of a batch [byte].
BATCH_BYTES = 32 << 20
_SUFFIX = ".zarr.zip"


class ArchivedParts:
    """Reads the part files of an archive; see `antdask.protocols.Source`."""

    name, version = ARCHIVED, "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """A ZIP whose first member is the metadata of a Zarr group."""
        return head.startswith(b"PK\x03\x04") and head[30:39] == b"zarr.json"

    def describe(self, url: str) -> FileEntry:
        """What a part says about itself.

        Raises
        ------
        InputMissingError, InputUnreadableError, CorruptFileError
        """
        now = identify(url)
        file = PartFile.read(url)
        try:
            about = file.attributes
            run, rows = RunKey(about["detector"], int(about["run"])), int(about["rows"])
            segment = Segment(about["stream"], about["row_table"], run, 0, rows, file.nbytes_decoded)
            lineage, origin = str(about["lineage"]["id"]), str(about["origin"])
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptFileError(f"The part does not say what it is: {type(error).__name__}: {error}", where=url) from error
        return FileEntry(url, self.name, lineage, origin, now.nbytes, now.mtime_ns, "", now.fingerprint, (segment,) if rows else ())

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """Batches of the rows ``start:stop``, with the numbers of inputs and entries as they stand in the part.

        Raises
        ------
        DamagedPartError
            It is missing, torn or altered.
        InputError
            It was written under an older schema, with other columns.
        """
        stream = entry.segments[0].stream
        for reader, first, last in _stretches(entry, tree, start, stop):
            yield rows_of(reader, stream, entry.origin, first, last)

    def read_where(self, entry: FileEntry, tree: str, start: int, stop: int, where: str) -> Iterator[Batch]:
        """Batches of what a condition leaves of the rows ``start:stop``; what it reads first is no more than the condition needs.

        Raises
        ------
        WhereError, UnknownNameError
            Not a condition on columns of the part.
        DamagedPartError, InputError
            As `read`.
        """
        segment = entry.segments[0]
        declared = schema(segment.stream)
        predicate: Predicate | None = None
        for reader, first, last in _stretches(entry, tree, start, stop):
            if predicate is None:
                predicate = Predicate.of(where, Scope(declared, [n for n in reader.names if not n.endswith(f"/{lay.OFFSETS}")]))
            piece = predicate.apply(Piece(reader, declared, (first, last), segment.run.detector))
            if len(piece):
                yield _batch(piece, segment.stream, entry.origin)

    def receipt(self, entry: FileEntry) -> Receipt:
        """What was stated about a part when it was made.

        Raises
        ------
        DamagedPartError
            It is not in its archive any more.
        """
        archive, part = place_of(entry.url)
        path = lay.receipt_file(part)
        try:
            return Receipt.from_json(Store(archive).read(path), path)
        except FileNotFoundError as error:
            raise DamagedPartError(
                "A part has left its archive since it was planned", where=part, hint="Plan again from the archive as it is now."
            ) from error

    def check(self, entry: FileEntry) -> None:
        """Make sure that a part is still the one that was planned.

        Raises
        ------
        DamagedPartError
        """
        receipt = self.receipt(entry)
        archive, part = place_of(entry.url)
        size = Store(archive).size(lay.part_file(part)) if receipt.nbytes else 0
        if (receipt.nbytes, f"{receipt.crc32c:08x}") != (entry.nbytes, entry.uuid) or size != entry.nbytes:
            raise DamagedPartError(
                "A part is not the one that was planned",
                where=part,
                found=f"{size} bytes, checksum {receipt.crc32c:08x}",
                expected=f"{entry.nbytes} bytes, checksum {entry.uuid}",
                hint="Run: antdask verify ARCHIVE --deep, then plan again.",
            )


SOURCE = ArchivedParts()


def entry_of(store: Store, row: Mapping[str, Any]) -> FileEntry:
    """A part as an input, from its row of the catalogue; nothing is read.

    Parameters
    ----------
    row : mapping
        ``part, stream, origin, lineage, detector, run, content, nbytes, crc32c, rows, bytes_in``.
    """
    table = schema(row["stream"]).rows.name
    segment = Segment(row["stream"], table, RunKey(row["detector"], row["run"]), 0, row["rows"], row["bytes_in"])
    checksum = f"{row['crc32c']:08x}"
    fingerprint = digest([row["lineage"], row["content"], row["nbytes"], checksum])
    url = store.full_url(lay.part_file(row["part"]))
    return FileEntry(url, SOURCE.name, row["lineage"], row["origin"], row["nbytes"], 0, checksum, fingerprint, (segment,))


def place_of(url: str) -> tuple[str, str]:
    """Archive and key path of a part file.

    Raises
    ------
    UsageError
        It does not lie in an archive.

    Examples
    --------
    >>> place_of("s3://bucket/archive/parts/antares/events/0a1b2c3d/00045978/0000-deadbeef.zarr.zip")
    ('s3://bucket/archive', 'antares/events/0a1b2c3d/00045978/0000-deadbeef')
    """
    words = url.removesuffix(_SUFFIX).rsplit("/", 6)
    if not url.endswith(_SUFFIX) or len(words) != 7 or words[1] != "parts":
        raise UsageError("The part does not lie in an archive", where=url)
    return words[0], "/".join(words[2:])


def rows_of(reader: PartReader, stream: str, origin: str, start: int, stop: int) -> Batch:
    """Rows of a part with all that hangs below them."""
    declared = schema(stream)
    spans = {declared.rows.name: (start, stop)}
    tables: dict[str, dict[str, np.ndarray]] = {}
    offsets: dict[str, np.ndarray] = {}
    for table in declared.given_by(origin):
        if table.parent is not None:
            raw = reader.offsets(table.name, *spans[table.parent])
            spans[table.name], offsets[table.name] = (int(raw[0]), int(raw[-1])), raw - raw[0]
        tables[table.name] = {name: reader.column(table.name, name, *spans[table.name]) for name in table.columns(origin)}
    return Batch(stream, origin, tables, offsets)


def stored_batches(url: str, stream: str, origin: str) -> Iterator[Batch]:
    """All rows of a part file, wherever it lies.

    Raises
    ------
    CorruptFileError, DamagedPartError
    """
    file = PartFile.read(url)
    reader, rows = file.reader(), int(file.attributes["rows"])
    for first, last in _cuts(file, 0, rows, rows):
        yield rows_of(reader, stream, origin, first, last)


def _cuts(file: PartFile, start: int, stop: int, rows: int) -> Iterator[tuple[int, int]]:
    step = max(1, int(BATCH_BYTES * max(1, rows) // max(1, file.nbytes_decoded)))
    for first in range(start, stop, step):
        yield first, min(stop, first + step)


def _stretches(entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[tuple[PartReader, int, int]]:
    """A reader of the part, and rows ``start:stop`` in pieces of bounded size."""
    if start >= stop:
        return
    try:
        file = PartFile.read(entry.url)
    except CorruptFileError as error:
        raise DamagedPartError(
            "A part cannot be read", where=entry.url, hint="Run: antdask verify ARCHIVE --deep, then convert again."
        ) from error
    reader = file.reader()
    _check_columns(entry.segments[0].stream, entry, reader)
    for first, last in _cuts(file, start, stop, reader.length(tree)):
        yield reader, first, last


def _batch(piece: Piece, stream: str, origin: str) -> Batch:
    tables: dict[str, dict[str, np.ndarray]] = {}
    offsets: dict[str, np.ndarray] = {}
    for table in schema(stream).given_by(origin):
        if table.parent is not None:
            offsets[table.name] = piece.offsets(table.name)
        tables[table.name] = {name: piece.column(table.name, name) for name in table.columns(origin)}
    return Batch(stream, origin, tables, offsets)


def _check_columns(stream: str, entry: FileEntry, reader: PartReader) -> None:
    wanted = {f"{t.name}/{name}" for t in schema(stream).given_by(entry.origin) for name in t.columns(entry.origin)}
    found = {name for name in reader.names if not name.endswith(f"/{lay.OFFSETS}")}
    if wanted != found:
        raise InputError(
            "The part was written under another schema",
            where=entry.url,
            found=f"without {', '.join(sorted(wanted - found)) or 'nothing'}, with {', '.join(sorted(found - wanted)) or 'nothing'} more",
            hint="Convert its inputs again, which makes a lineage of the schema as it is now.",
        )
