"""Detector files, DETX (text) and DATX (binary): a whole file is one detector, one entry, one row of stream ``detector``.

One source reads both, so that all descriptions of a detector have one lineage and stand side by side, whatever they were written in.
"""

from __future__ import annotations

from collections.abc import Iterator

from antdask.errors import CorruptFileError, UnknownFormatError, UnknownLayoutError, UnknownNameError, UsageError
from antdask.model.keys import RunKey, km3net_label
from antdask.model.ragged import Batch
from antdask.plan import FileEntry, Segment
from antdask.sources import datx, detx, files
from antdask.sources.blob import open_blob
from antdask.sources.detector_description import ORIGIN, Detector

TREE = "detector"

#: A detector description belongs to no run. It is filed under run 0, which no detector uses for data.
RUN = 0

#: A DETX tells its kind only behind its comments, and these grow with every step of calibration [byte].
SNIFF_BYTES = 2**20


class DetectorFile:
    """Source of detector files.

    They are small, so `describe` parses them whole: a damaged one is named before anything is planned.
    """

    name = "detector_file"
    version = "1"

    def sniff(self, url: str, head: bytes) -> bool:
        """Whether this is a DATX, or a DETX by the first line behind its comments."""
        if datx.looks_like(head):
            return True
        return detx.looks_like(files.head(url, SNIFF_BYTES) if head.startswith(b"#") else head)

    def describe(self, url: str) -> FileEntry:
        """Identity and the one segment; its bytes are those of the columns.

        Raises
        ------
        InputMissingError, InputUnreadableError
        CorruptFileError
            The file does not follow its format to the last byte.
        UnknownFormatError
            Neither DETX nor DATX.
        UnknownLayoutError
            A version of the format that is not known.
        """
        identity = files.identify(url)
        kind, detector, batch = _load(url)
        return identity.entry(
            url,
            self.name,
            ORIGIN,
            (Segment("detector", TREE, RunKey(km3net_label(detector.detector_id, False), RUN), 0, 1, batch.nbytes),),
            (f"{kind} version {detector.version}",),
        )

    def read(self, entry: FileEntry, tree: str, start: int, stop: int) -> Iterator[Batch]:
        """The one row.

        Raises
        ------
        CorruptFileError
            The file does not follow its format to the last byte.
        UsageError
            No such tree or entries.
        """
        if tree != TREE:
            raise UnknownNameError.of("tree", tree, [TREE], where=entry.url)
        if not 0 <= start <= stop <= 1:
            raise UsageError("No such entries", where=entry.url, found=f"{start}:{stop}", expected="0:1")
        if start < stop:
            yield _load(entry.url)[2]


def _load(url: str) -> tuple[str, Detector, Batch]:
    with open_blob(url) as blob:
        data = bytes(blob.read(0, blob.nbytes))
    if datx.looks_like(data[:16]):
        kind, parse = "DATX", datx.parse
    elif detx.looks_like(data[:SNIFF_BYTES]):
        kind, parse = "DETX", detx.parse
    else:
        raise UnknownFormatError("Neither DETX nor DATX", where=url, found=f"first bytes {data[:16]!r}")
    try:
        detector = parse(data)
        return kind, detector, detector.batch()
    except UnknownLayoutError as error:
        error.where = url
        raise
    except (ValueError, OverflowError) as error:
        what = f"The file does not follow the format {kind}"
        raise CorruptFileError(what, where=url, found=str(error), hint="It is cut short or damaged.", tree=TREE, start=0, stop=1) from error


SOURCE = DetectorFile()
