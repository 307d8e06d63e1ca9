"""What an archive holds that nobody needs any more: listed first, and deleted only then.

====================== ==========================================================================================================
superseded parts       others stand for them, and are there, whole
orphans                part files that no receipt speaks of: a worker died between the two
old snapshots          of the catalogue, behind the current one
records of failures    of parts that are done by now
====================== ==========================================================================================================

Nothing younger than a grace period is touched: a reader may still hold an old snapshot, a worker may be about to sign.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import catalog, failed, marker, plans, snapshot
from antdask.archive import layout as lay
from antdask.archive.state import Account
from antdask.archive.store import Store
from antdask.convert.verify import check_part
from antdask.errors import DamagedPartError

#: Grace period [s].
DAY = 86_400.0


@dataclasses.dataclass
class Garbage:
    """What can go.

    Parameters
    ----------
    superseded, orphans : dict of str to int
        Paths of parts, and bytes of their files [byte].
    snapshots : list of str
    failures : list of (str, int)
        Plan and number of the part.
    kept : dict of str to str
        Superseded parts that stay, with the reason: who should stand for them is not whole.
    young : int
        Things that are too young to go.
    deleted : bool
        Whether they are gone by now.
    """

    archive: str
    superseded: dict[str, int] = dataclasses.field(default_factory=dict)
    orphans: dict[str, int] = dataclasses.field(default_factory=dict)
    snapshots: list[str] = dataclasses.field(default_factory=list)
    failures: list[tuple[str, int]] = dataclasses.field(default_factory=list)
    kept: dict[str, str] = dataclasses.field(default_factory=dict)
    young: int = 0
    deleted: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of all part files that can go [byte]."""
        return sum(self.superseded.values()) + sum(self.orphans.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**dataclasses.asdict(self), "nbytes": self.nbytes}


def find_garbage(archive_url: str, older: float = DAY, deep: bool = False) -> Garbage:
    """List what can go; deletes nothing, but renews the catalogue, from which the list follows.

    Parameters
    ----------
    older : float
        Only what has been useless for so long [s].
    deep : bool
        Read every part that stands for others, and compare its checksum, before the others are listed.

    Raises
    ------
    NotAnArchiveError, SchemaVersionError, DestinationError
    """
    store = Store(archive_url)
    marker.check(store)
    current = snapshot.rebuild(store)
    account, now = Account.take(store), store.now() or time.time()
    limit = now - older
    found = Garbage(store.url)
    _superseded(store, current, account, limit, deep, found)
    _orphans(store, account, limit, older == 0, found)
    for name in sorted({p.split("/")[1] for p in store.list("catalogue") if p.count("/") == 2} - {current.snapshot}):
        if int(name.partition("-")[0]) / 1e9 < limit:
            found.snapshots.append(name)
        else:
            found.young += 1
    for file in plans.saved(store):
        numbers = failed.numbers(store, file.id)
        standing = account.standing(file) if numbers else None
        found.failures += [(file.id, n) for n in numbers if standing is not None and n in standing]
    return found


def collect_garbage(found: Garbage, progress: Callable[[str], None] | None = None) -> Garbage:
    """Delete what was listed. Killed in the middle, another listing finds the rest.

    Parameters
    ----------
    progress : callable, optional
        Called with each path.

    Raises
    ------
    DestinationError
    """
    store = Store(found.archive)
    # The receipt first: without it the file is an orphan, which is found again; without its file it would be a missing part.
    for part in found.superseded:
        store.remove(lay.receipt_file(part))
        store.remove(lay.part_file(part))
        if progress is not None:
            progress(part)
    for part in found.orphans:
        if not store.exists(lay.receipt_file(part)):
            store.remove(lay.part_file(part))
    for name in found.snapshots:
        snapshot.forget(store, name)
    for plan, index in found.failures:
        failed.forget(store, plan, index)
    store.sweep()
    snapshot.rebuild(store)
    return dataclasses.replace(found, deleted=True)


def _superseded(store: Store, current: catalog.Catalog, account: Account, limit: float, deep: bool, found: Garbage) -> None:
    rows = current.superseded.filter(current.superseded["own"]).to_pylist()
    by = {r["part"]: r["by"] for r in current.superseded.to_pylist()}
    sizes = store.sizes("parts")
    sound = _Soundness(store, account, by, deep)
    for row in rows:
        if row["since_ns"] / 1e9 >= limit:
            found.young += 1
        elif (reason := sound.trouble(row["part"])) is not None:
            found.kept[row["part"]] = reason
        else:
            found.superseded[row["part"]] = sizes.get(lay.part_file(row["part"]), 0)


class _Soundness:
    """Whether who stands for a part is there, whole."""

    def __init__(self, store: Store, account: Account, by: dict[str, str], deep: bool) -> None:
        self._store, self._by, self._deep = store, by, deep
        live = account.rows.filter(pc.is_null(account.rows["by"]))
        self._live = dict(zip(live["part"].to_pylist(), live["nbytes"].to_pylist(), strict=True))
        self._plans = {file.id: account.standing(file) for file in plans.saved(store) if file.retires}
        self._known: dict[str, str | None] = {}

    def trouble(self, part: str) -> str | None:
        """Why a superseded part must stay; ``None`` if it may go."""
        keeper, seen = self._by[part], {part}
        while keeper in self._by and keeper not in seen:
            seen.add(keeper)
            keeper = self._by[keeper]
        if keeper not in self._known:
            self._known[keeper] = self._look(keeper)
        return self._known[keeper]

    def _look(self, keeper: str) -> str | None:
        if "/" not in keeper:
            standing = self._plans.get(keeper)
            return None if standing is not None and standing.done.all() else f"plan {keeper} is not done"
        if keeper not in self._live:
            return f"{keeper} is missing, or not whole"
        return self._decoded(keeper) if self._deep and self._live[keeper] else None

    def _decoded(self, keeper: str) -> str | None:
        try:
            problems = check_part(keeper, self._store.url, "deep").problems
        except DamagedPartError as error:
            problems = [str(error)]
        return f"{keeper}: {problems[0]}" if problems else None


def _orphans(store: Store, account: Account, limit: float, every: bool, found: Garbage) -> None:
    sizes = store.sizes("parts")
    names = pa.array([part for name in sizes if (part := lay.part_of(name))], pa.string())
    own = account.rows.filter(account.rows["own"])["part"].combine_chunks()
    known = pa.concat_arrays([own, pa.array(account.broken, pa.string())])
    for part in names.filter(pc.invert(pc.is_in(names, known))).to_pylist():
        written = store.mtime(lay.part_file(part))
        # Where the storage does not tell the age, only who wants everything gets it.
        if every or (written is not None and written < limit):
            found.orphans[part] = sizes[lay.part_file(part)]
        else:
            found.young += 1
