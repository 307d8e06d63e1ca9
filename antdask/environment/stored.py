"""What all products have in common as they lie in an archive: a folder named by what determines the bytes, receipts in it, and a pointer to the one to read.

::

    environment/<kind>/
      current.json              which of these to read
      <id8>/product.json        the document whose digest is the name
      <id8>/…/<task>.json       receipts: what went in, what came out
"""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any, ClassVar, Self

from antdask.archive.store import Store
from antdask.errors import ArchiveError
from antdask.plan import digest


@dataclasses.dataclass(frozen=True)
class StoredProduct:
    """One product of one archive.

    Parameters
    ----------
    store : Store
    document : dict
        All that determines its bytes besides the input.
    """

    #: What products of a kind hold, which names their folder; the command that makes them; the key of ``current.json`` that names the one to read.
    kind: ClassVar[str]
    command: ClassVar[str]
    pointer: ClassVar[str]

    store: Store
    document: dict[str, Any]

    @functools.cached_property
    def id(self) -> str:
        """8 hexadecimal digits that stand for the document."""
        return digest(self.document)[:8]

    @property
    def root(self) -> str:
        """Directory of the product."""
        return f"environment/{self.kind}/{self.id}"

    @classmethod
    def current_file(cls) -> str:
        """The pointer to the product to read."""
        return f"environment/{cls.kind}/current.json"

    @classmethod
    def of(cls, store: Store, document: dict[str, Any]) -> Self:
        """From the content of ``product.json``."""
        return cls(store, document)

    @classmethod
    def open(cls, store: Store, id: str | None = None) -> Self | None:
        """A product of an archive, the current one if none is named; ``None`` where there is none.

        Raises
        ------
        ArchiveError
            Its description is damaged.
        """
        try:
            if id is None:
                id = str(json.loads(store.read(cls.current_file()))[cls.pointer])
            return cls.of(store, json.loads(store.read(f"environment/{cls.kind}/{id}/product.json")))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(f"The description of the product of {cls.kind} is damaged", where=store.url, hint=cls._hint()) from error

    @classmethod
    def existing(cls, store: Store, id: str) -> Self:
        """A product that the coordinator has described, for its tasks.

        Raises
        ------
        ArchiveError
            There is none, or its description is damaged.
        """
        found = cls.open(store, id)
        if found is None:
            raise ArchiveError(f"There is no such product of {cls.kind}", where=store.url, found=id, hint=cls._hint())
        return found

    @classmethod
    def _hint(cls) -> str:
        return f"Run: antdask environment {cls.command} ARCHIVE."

    def write_json(self, path: str, document: Any, sort_keys: bool = False) -> None:
        """Write a document of the product.

        Raises
        ------
        DestinationError
        """
        self.store.write_small(path, json.dumps(document, indent=1, sort_keys=sort_keys).encode() + b"\n")

    def receipts(self, folder: str, number: str) -> dict[int, dict[str, Any]]:
        """Receipts in a folder of the product, by the number that each has under this key."""
        paths = [path for path in self.store.list(f"{self.root}/{folder}") if path.endswith(".json")]
        return {int(receipt[number]): receipt for receipt in (json.loads(self.store.read(path)) for path in paths)}

    def make_current(self) -> None:
        """Let readers find this one."""
        self.store.write_small(self.current_file(), json.dumps({self.pointer: self.id}).encode() + b"\n")
