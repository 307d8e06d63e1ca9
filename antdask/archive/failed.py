"""Records of parts that failed: what went wrong, kept until the part is done.

A record is written by whoever ran the part, and is for people: whether a part is done is never asked here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from antdask.archive import layout as lay
from antdask.archive.store import Store

_THREADS = 8


def keep(store: Store, plan: str, index: int, record: Mapping[str, Any]) -> None:
    """Keep what is known about a failed part; a former record of the same part is replaced.

    Parameters
    ----------
    record : mapping
        Plain data: class, code, message, trace, attempts, host. The time is added.

    Raises
    ------
    DestinationError
    """
    document = {"plan": plan, "part": index, **record, "time_ns": time.time_ns()}
    store.write_small(lay.failure_file(plan, index), json.dumps(document, sort_keys=True, indent=1).encode() + b"\n")


def forget(store: Store, plan: str, index: int) -> None:
    """Remove the record of a part that is done, if there is one.

    Raises
    ------
    DestinationError
    """
    store.remove(lay.failure_file(plan, index))


def numbers(store: Store, plan: str) -> list[int]:
    """Numbers of the parts of a plan that have a record, from one listing."""
    return sorted(int(name.rpartition("/")[2].removesuffix(".json")) for name in store.list(f"failures/{plan}"))


def records(store: Store, plan: str, indices: Iterable[int]) -> list[dict[str, Any]]:
    """The records of these parts, several at a time; one that was removed meanwhile is left out."""
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda index: _record(store, plan, index), indices)
        return [record for record in found if record is not None]


def _record(store: Store, plan: str, index: int) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(store.read(lay.failure_file(plan, index)))
    except FileNotFoundError:
        return None
    except ValueError:
        # Torn by another tool: the part is named all the same.
        return {"plan": plan, "part": index, "kind": "unknown", "code": "", "message": "the record cannot be read"}
    return document
