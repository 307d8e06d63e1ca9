"""Succession: which parts have left the catalogue because others stand for them.

::

    P1 P2 P3 ──► M          the receipt of a merged part says which parts it stands for
    P ──► plan R            a plan says which parts it retires; they go when all parts of the plan are there

Nothing is believed that cannot be kept: who stands for others must be there, and no part is taken by two. All switches happen in one snapshot of the catalogue,
because they follow from the receipts alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping


@dataclasses.dataclass(frozen=True)
class Claim:
    """Somebody who stands for others.

    Parameters
    ----------
    name : str
        Path of a part, or id of a plan.
    members : tuple of str
        Paths of the parts that stand for others.
    takes : frozenset of str
        Paths of the parts that are stood for.
    """

    name: str
    members: tuple[str, ...]
    takes: frozenset[str]


def resolve(claims: Iterable[Claim], there: Collection[str], before: Collection[str] = ()) -> dict[str, str]:
    """Parts that are stood for, each with the name of who stands for it.

    A claim counts where all its members are there. Of two that want the same part, and of which neither takes the other, one is refused and its own members
    are stood for by the other: they would give the same rows twice.

    Parameters
    ----------
    claims : iterable of Claim
    there : collection of str
        Paths of the parts that have receipts.
    before : collection of str
        Names that counted in the last snapshot: they keep what they have, because the parts that they took may be gone by now.

    Examples
    --------
    >>> merged = Claim("M", ("M",), frozenset({"P1", "P2"}))
    >>> resolve([merged], {"M", "P1", "P2"})
    {'P1': 'M', 'P2': 'M'}
    >>> resolve([merged], {"P1", "P2"})
    {}
    """
    taken: dict[str, str] = {}
    accepted: dict[str, Claim] = {}
    keepers: set[str] = set()
    ready = [c for c in claims if c.takes and all(m in there for m in c.members)]
    for claim in sorted(ready, key=lambda c: _rank(c, there, before)):
        if claim.members and all(m in taken for m in claim.members):
            # A greater one took it whole, and with it what it had taken; but nobody who stands for others.
            heir = taken[claim.members[0]]
            taken.update((p, heir) for p in sorted(claim.takes - taken.keys() - keepers))
            continue
        rivals = {taken[p] for p in claim.takes if p in taken and not claim.takes.issuperset(accepted[taken[p]].members)}
        if rivals:
            rival = min(rivals)
            taken.update((m, rival) for m in claim.members if m not in taken)
        else:
            taken.update((p, claim.name) for p in sorted(claim.takes))
            accepted[claim.name] = claim
            keepers.update(claim.members)
    return taken


def _rank(claim: Claim, there: Collection[str], before: Collection[str]) -> tuple[bool, int, int, str]:
    """What counts first: who counted before, whose parts are gone already, who takes more."""
    gone = sum(p not in there for p in claim.takes)
    return (claim.name not in before, -gone, -len(claim.takes), claim.name)


def collect(rows: Iterable[Mapping[str, str]]) -> list[Claim]:
    """Claims of merged parts out of rows ``part, by`` of a former snapshot."""
    takes: dict[str, set[str]] = {}
    for row in rows:
        takes.setdefault(row["by"], set()).add(row["part"])
    return [Claim(name, (name,), frozenset(parts)) for name, parts in takes.items()]
