"""Kills what works on a campaign at instants drawn by a seed, resumes, and says what became of the archive; the tests of every day and ``make soak`` share it.

Each instant has an archive of its own: a campaign of many small parts, in the middle of which one process gets signal 9. Then the campaign is run again. What is
there in the end is compared with an undisturbed run, and every part that was begun was noted down, so that what was done twice can be counted.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from antdask.archive import catalog, ledger
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.status import status
from tests.flow.kill_beds import BEDS, Bed, convert, notes, plan_of


@dataclasses.dataclass(frozen=True)
class Instant:
    """One kill, and what came of it.

    Parameters
    ----------
    victim : str
        Key of `BEDS`.
    number : int
        Of the instant; with the victim, it is the seed.
    at : float
        When the signal was sent, as a fraction of an undisturbed run.
    signed : int
        Parts that had a receipt when the disturbed campaign had ended.
    ended : str
        How the campaign ended that was disturbed: ``"complete"``, ``"killed"``, or the error.
    redone : int
        Parts that were begun again though they had been begun before.
    temporary : int
        Files that nobody finished and that are still there after the next run.
    trouble : str
        What is not as it should be; empty if all is well.
    """

    victim: str
    number: int
    at: float
    signed: int
    ended: str
    redone: int
    temporary: int
    trouble: str


def digests(archive: str) -> dict[str, str]:
    """What the parts of an archive hold, by path; temporary files as well."""
    root = Path(archive)
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((root / "parts").rglob("*")) if p.is_file()
    }


def undisturbed(folder: Path) -> dict[str, str]:
    """What an archive of the campaign holds if nobody is killed."""
    with make_cluster("serial") as cluster:
        assert convert(plan_of(str(folder / "undisturbed")), cluster).exit_code == 0
    return digests(str(folder / "undisturbed"))


def kills(victim: str, instants: int, folder: Path, wanted: dict[str, str]) -> Iterator[Instant]:
    """Kill the victim at so many instants, each in a campaign of its own."""
    with BEDS[victim]() as bed:
        duration = min(bed.calm(plan_of(str(folder / f"calm{number}"))) for number in range(bed.rehearsals))
        for number in range(instants):
            yield _one(bed, victim, number, duration, folder, wanted)


def _one(bed: Bed, victim: str, number: int, duration: float, folder: Path, wanted: dict[str, str]) -> Instant:
    at = random.Random(f"{victim} {number}").uniform(0, 1)
    archive = str(folder / f"a{number}")
    plan = plan_of(archive)
    ended = bed.disturbed(plan, at * duration)
    signed = len(ledger.receipt_paths(Store(archive))) if Path(archive, "receipts").exists() else 0
    code = bed.resume(plan)
    begun = Counter(int(f.name.partition("-")[0]) for f in notes(archive).iterdir())
    temporary = list(Path(archive).rglob(".*.tmp"))
    found = Instant(victim, number, round(at, 4), signed, ended, begun.total() - len(begun), len(temporary), trouble(archive, code, wanted))
    if not found.trouble:
        shutil.rmtree(archive)
        shutil.rmtree(notes(archive))
    return found


def trouble(archive: str, code: int, wanted: dict[str, str]) -> str:
    """What is wrong with an archive after the last run; nothing, if it is that of an undisturbed one."""
    if code:
        return f"the last run ended with {code}"
    seen = {path: digest for path, digest in digests(archive).items() if not path.rpartition("/")[2].startswith(".")}
    if seen != wanted:
        return f"differing parts: {sorted(k for k in seen.keys() | wanted if seen.get(k) != wanted.get(k))}"
    store = Store(archive)
    if sorted(r.plan_part for r in ledger.receipts(store)) != list(range(len(wanted))):
        return "not one receipt for each part"
    if len(catalog.load(store).parts) != len(wanted):
        return "the catalogue does not list every part once"
    found = status(archive, files=True)
    return "" if found.exit_code == 0 and found.orphans == 0 else f"status: {found.to_dict()}"
