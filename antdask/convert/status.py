"""The status of an archive: what is done, what is missing, what failed and why, and how fast it goes.

From the catalogue and the names of the receipts: the receipts themselves are read only as far as the catalogue does not know them, and of very many only some.
"""

from __future__ import annotations

import collections
import dataclasses
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from antdask.archive import contents, failed, marker, plans, snapshot
from antdask.archive import layout as lay
from antdask.archive.plans import PlanFile
from antdask.archive.state import Account, Standing
from antdask.archive.store import Store
from antdask.convert import pace
from antdask.convert.pace import Pace
from antdask.errors import NotAnArchiveError

#: Receipts that the catalogue does not know, and records of failures, that are read at most.
SAMPLE = 1000


@dataclasses.dataclass
class Status:
    """The state of an archive, recomputed from plans and receipts, and from the part files if they were asked for.

    Parameters
    ----------
    campaigns : list of dict
        One per plan: ``plan, parts_total, parts_done, parts_missing, failed`` (number of parts by class), ``uncounted`` (parts that are done, whose rows are not
        in the sums), ``quarantined, rejected, rows, hits, bytes_in, bytes_out``.
    orphans : int or None
        Part files without a receipt: a worker died between the two; the part will be redone. ``None`` where the files were not looked at.
    superseded : int
        Parts that others stand for, and that `antdask gc` may clear away.
    pace : Pace
        How fast it goes.
    """

    archive: str
    campaigns: list[dict[str, Any]]
    orphans: int | None
    snapshot: str
    superseded: int = 0
    pace: Pace = dataclasses.field(default_factory=Pace)

    @property
    def exit_code(self) -> int:
        """0 complete, 4 parts are missing."""
        return 4 if any(c["parts_missing"] for c in self.campaigns) else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**dataclasses.asdict(self), "exit_code": self.exit_code}


def status(archive_url: str, rebuild: bool = False, files: bool = False) -> Status:
    """What is done, what is missing, and what failed, by plan.

    Parameters
    ----------
    rebuild : bool
        Make a new catalogue from the receipts first.
    files : bool
        Look at the part files too: one that is missing, or of another size than its receipt states, is not done.

    Raises
    ------
    NotAnArchiveError, SchemaVersionError
    """
    store = Store(archive_url)
    marker.check(store)
    if rebuild:
        snapshot.rebuild(store, whole=True)
    account = Account.take(store, files=files, quick=True, most=SAMPLE)
    campaigns, waiting = [], []
    for file in plans.saved(store):
        standing = account.standing(file)
        waiting.append(standing.table.filter(pa.array(~standing.done)))
        campaigns.append(campaign(store, file, standing))
    superseded = pc.sum(pc.and_(account.rows["own"], pc.is_valid(account.rows["by"]))).as_py() or 0
    name = account.reader.snapshot if account.reader is not None else ""
    return Status(store.url, campaigns, orphans(store, account) if files else None, name, superseded, pace_of(account, _left(waiting)))


def orphans(store: Store, account: Account) -> int:
    """Number of part files without a receipt."""
    paths = pa.array([part for p in store.list("parts") if (part := lay.part_of(p))], pa.string())
    own = account.rows.filter(account.rows["own"])["part"].combine_chunks()
    known = pa.concat_arrays([own, pa.array(account.broken, pa.string())])
    return pc.sum(pc.invert(pc.is_in(paths, known))).as_py() or 0


def measured_speed(archive_url: str) -> float | None:
    """Uncompressed input for each second of CPU time, over all parts of an archive [MB/s]; ``None`` where nothing was archived yet."""
    try:
        account = Account.take(Store(archive_url), files=False, quick=True, most=0)
    except NotAnArchiveError:
        return None
    return pace_of(account, 0).mb_per_second_core or None


def _left(waiting: list[pa.Table]) -> int:
    """Uncompressed bytes of the parts that are not done; one that stands in several plans counts once."""
    tables = [pa.table({"key": contents.keys(t), "nbytes": t["nbytes"]}) for t in waiting if t.num_rows]
    if not tables:
        return 0
    return int(pc.sum(pa.concat_tables(tables).group_by("key").aggregate([("nbytes", "max")])["nbytes_max"]).as_py())


def campaign(store: Store, file: PlanFile, standing: Standing) -> dict[str, Any]:
    """What is said about one plan, see `Status`."""
    done = len(standing)
    return {
        "plan": file.id,
        "parts_total": file.parts,
        "parts_done": done,
        "parts_missing": file.parts - done,
        "failed": failures(store, file.id, standing),
        "uncounted": done - int(standing.known.sum()),
        "quarantined": standing.total("lost"),
        "rejected": len(file.rejected),
        "rows": standing.total("rows"),
        "hits": standing.total("hits"),
        "bytes_in": file.cost()["bytes_in"],
        "bytes_out": standing.total("nbytes"),
    }


def failures(store: Store, plan: str, standing: Standing) -> dict[str, int]:
    """Number of failed parts by class; a part that is done after all does not count. Of very many, those beyond the first thousand are ``not read``."""
    numbers = [n for n in failed.numbers(store, plan) if n not in standing]
    counts = collections.Counter(str(record.get("kind", "unknown")) for record in failed.records(store, plan, numbers[:SAMPLE]))
    if len(numbers) > SAMPLE:
        counts["not read"] = len(numbers) - SAMPLE
    return dict(sorted(counts.items()))


def pace_of(account: Account, left: int, now: float | None = None) -> Pace:
    """The pace from what the catalogue and the receipts that were read tell about each part.

    Parameters
    ----------
    left : int
        Uncompressed bytes of the parts that are not done [byte].
    now : float, optional
        [s since 1970].
    """
    names = ("ended_ns", "seconds", "cpu_seconds", "bytes_in")
    told, weights = [np.zeros((len(names), 0))], [np.zeros(0)]
    if account.reader is not None:
        table = account.reader.parts.table(names)
        table = table.filter(pc.and_(pc.is_valid(table["ended_ns"]), pc.is_valid(table["cpu_seconds"])))
        told.append(np.array([table[n].to_numpy().astype(np.float64) for n in names]))
        weights.append(np.ones(table.num_rows))
    work = [(r.work, r.bytes_in) for r in account.read if "started_ns" in r.work and "seconds" in r.work]
    if work:
        ended = [w["started_ns"] + w["seconds"] * 1e9 for w, _ in work]
        told.append(np.array([ended, [w["seconds"] for w, _ in work], [w.get("cpu_seconds", 0.0) for w, _ in work], [n for _, n in work]]))
        weights.append(np.full(len(work), len(account.fresh) / len(work)))
    whole = np.concatenate(told, axis=1)
    return pace.measure(whole[0] / 1e9, whole[1], whole[2], whole[3], np.concatenate(weights), left, time.time() if now is None else now)
