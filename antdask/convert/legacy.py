"""The legacy files behind a part: their descriptions, out of the plans that an archive keeps."""

from __future__ import annotations

import functools
from typing import Any

from antdask.archive import documents, plans
from antdask.archive import layout as lay
from antdask.archive.catalog_reader import CatalogReader
from antdask.archive.ledger import Receipt
from antdask.archive.store import Store
from antdask.errors import ArchiveError, InputMissingError
from antdask.model.keys import PartKey, parse_part
from antdask.plan import Assignment, FileEntry, Part, Range


class LegacyInputs:
    """Descriptions of all inputs of an archive, as its catalogue of the first question names them; each is read when it is asked for.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @functools.cached_property
    def _places(self) -> dict[tuple[str, str], tuple[str, int]]:
        """Plan, and number in it, by fingerprint and format."""
        rows = CatalogReader.open(self._store).inputs.select(["fingerprint", "format", "plan", "number"]).to_pylist()
        return {(r["fingerprint"], r["format"]): (r["plan"], r["number"]) for r in rows}

    def find(self, fingerprint: str, format: str) -> FileEntry:
        """The description of an input, from the last plan that has it.

        Raises
        ------
        InputMissingError
            No plan of the archive describes it.
        NotAnArchiveError, SchemaVersionError, ArchiveError
        """
        if (fingerprint, format) not in self._places:
            raise InputMissingError(
                "No plan of the archive describes the input",
                where=fingerprint,
                hint="Run: antdask status ARCHIVE --rebuild, then try again.",
            )
        plan, number = self._places[fingerprint, format]
        return plans.open_plan(self._store.full_url(lay.plan_file(plan))).entry(number)

    def lineage(self, name: str) -> dict[str, Any]:
        """The document behind a lineage.

        Raises
        ------
        ArchiveError
            The archive does not keep it, or it was altered.
        """
        try:
            return documents.lineage(self._store, name)
        except FileNotFoundError as error:
            raise ArchiveError("The lineage of a part is not kept", where=lay.lineage_file(name)) from error

    def format_of(self, name: str) -> str:
        """Name of the source that reads the inputs of a lineage."""
        return str(self.lineage(name)["reader"]["name"])

    def task(self, receipt: Receipt, key: PartKey | None = None) -> Assignment:
        """The work of making a part from its legacy files, whatever it was made from.

        Parameters
        ----------
        key : PartKey, optional
            Its address, if not its own.

        Raises
        ------
        InputMissingError
        ArchiveError
            The archive does not keep its lineage.
        """
        lineage = self.lineage(receipt.lineage)
        inputs = tuple(self.find(i["fingerprint"], lineage["reader"]["name"]) for i in receipt.inputs)
        total = max(1, sum(r["stop"] - r["start"] for r in receipt.ranges))
        ranges = tuple(
            Range(r["input"], r["tree"], r["start"], r["stop"], receipt.bytes_in * (r["stop"] - r["start"]) // total, _ordered(inputs, r))
            for r in receipt.ranges
        )
        part = Part(receipt.plan_part, key or parse_part(receipt.part), ranges)
        return Assignment(receipt.plan, self._store.url, part, inputs, lineage)


def _ordered(inputs: tuple[FileEntry, ...], r: dict[str, Any]) -> bool:
    return all(s.ordered for s in inputs[r["input"]].segments if s.tree == r["tree"])
