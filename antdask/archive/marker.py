"""What makes a place an archive: the marker file, and the files that explain it."""

from __future__ import annotations

import json
import re

from antdask.archive import layout as lay
from antdask.archive.readme import README
from antdask.archive.store import Store
from antdask.errors import DestinationError, NotAnArchiveError, SchemaVersionError
from antdask.model.tables import SCHEMA_VERSION, SCHEMAS


def create(store: Store) -> None:
    """Mark a place as an archive and write what explains it; does nothing where it is one already.

    Raises
    ------
    DestinationError
        It cannot be written, or it holds something else.
    SchemaVersionError
        It was written by a newer antdask.
    """
    if refuse(store):
        _explain(store)
        return
    # The marker first: a driver that is killed now leaves an archive, not a place that the next one takes for somebody else's.
    store.write_small(lay.MARKER, json.dumps({"format": lay.FORMAT, "schema_version": SCHEMA_VERSION}).encode() + b"\n")
    _explain(store)


def refuse(store: Store) -> bool:
    """Whether a place is an archive already; one that cannot become an archive is refused. Writes nothing.

    Raises
    ------
    DestinationError
        It can only be read, or it holds something else.
    SchemaVersionError
        It was written by a newer antdask.
    """
    if not store.writable:
        raise DestinationError(
            "An archive behind http:// can only be read",
            where=store.url,
            hint="Write to dav:// or davs:// (WebDAV), s3://, root:// or a folder.",
        )
    if store.exists(lay.MARKER):
        check(store)
        return True
    if not store.is_empty():
        raise DestinationError(
            "The destination is not empty and holds no antdask archive",
            where=store.url,
            hint="Name an empty or new place, or an existing archive.",
        )
    return False


def _explain(store: Store) -> None:
    """Write the files that explain an archive where they are missing, and the schema anew where it lacks columns that may come now."""
    schema = lay.schema_document(SCHEMAS)
    if not store.exists(lay.README):
        store.write_small(lay.README, README.encode())
    if not store.exists(lay.SCHEMA_FILE) or _columns(store.read(lay.SCHEMA_FILE)) < _columns(json.dumps(schema)):
        store.write_small(lay.SCHEMA_FILE, json.dumps(schema, indent=1).encode() + b"\n")


def _columns(document: str | bytes) -> set[tuple[str, str, str]]:
    """Streams, tables and columns that a schema file declares; none where it is damaged, which ends by writing it anew."""
    try:
        streams = json.loads(document)["streams"].items()
        return {(stream, table["name"], field["name"]) for stream, s in streams for table in s["tables"] for field in table["fields"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()


def check(store: Store) -> str:
    """The schema version of an archive.

    Raises
    ------
    NotAnArchiveError
        There is no archive.
    SchemaVersionError
        A newer major version.
    """
    try:
        marker = json.loads(store.read(lay.MARKER))
        version = str(marker["schema_version"])
        major = int(re.fullmatch(r"(\d+)\.\d+", version).group(1))  # type: ignore[union-attr]
        if marker["format"] != lay.FORMAT:
            raise KeyError("format")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise NotAnArchiveError(
            "There is no antdask archive", where=store.url, hint="Make one with: antdask convert INPUT… --archive URL."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAnArchiveError(f"{lay.MARKER} is damaged: {error}", where=store.url) from error
    if major > int(SCHEMA_VERSION.partition(".")[0]):
        raise SchemaVersionError(
            "The archive was written with a newer schema",
            where=store.url,
            found=version,
            expected=f"{SCHEMA_VERSION} or older",
            hint="Update antdask; plain zarr still opens every part.",
        )
    return version
