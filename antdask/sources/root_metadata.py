"""The guard around uproot: what it raises on damaged bytes becomes an error of ours, and what the disk raises stays what it is."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from antdask.errors import AntdaskError, CorruptFileError
from antdask.sources.blob import Blob, BlobFile

HINT = "It is cut short or damaged; fetch it again, or let ROOT try to recover it."


@dataclasses.dataclass(frozen=True, slots=True)
class Metadata:
    """A file whose metadata uproot reads.

    Parameters
    ----------
    blob : Blob
        Where the bytes are.
    file : BlobFile
        The same, as uproot sees it.
    """

    blob: Blob
    file: BlobFile

    @contextlib.contextmanager
    def reading(self, what: str, tree: str | None = None) -> Iterator[None]:
        """Guard calls of uproot, and nothing else: any exception of theirs counts as damage, because uproot checks little before it follows a number.

        Parameters
        ----------
        what : str
            What is read, for the message.
        tree : str, optional
            The tree that is lost with it.

        Raises
        ------
        CorruptFileError
            With the exception of uproot as its cause.
        OSError, MemoryError
            As they came from disk, network or machine.
        """
        try:
            yield
        except (AntdaskError, MemoryError):
            raise
        except Exception as error:
            if self.file.failure is not None:
                raise self.file.failure from error
            reason = (str(error).strip().splitlines() or [""])[0]
            raise CorruptFileError(f"The {what} of the file cannot be read: {type(error).__name__}: {reason}", where=self.blob.url, hint=HINT, tree=tree) from error  # fmt: skip
