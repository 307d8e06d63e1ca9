"""The scheduler of our own clusters remembers no task that is done."""

from __future__ import annotations

from typing import Any

import distributed

from antdask.cluster.dask import DaskCluster
from antdask.cluster.run import run
from antdask.cluster.spans import EXTENSIONS
from tests.cluster import tasks


def notes(dask_scheduler: Any) -> int:
    """What the spans of a scheduler have noted."""
    return sum(len((span.metadata or {"collections": []})["collections"]) for span in dask_scheduler.extensions["spans"].spans.values())


def test_submissions_leave_no_notes_where_dask_itself_keeps_each() -> None:
    for extensions, kept in ((None, 200), (EXTENSIONS, 0)):
        with (
            distributed.LocalCluster(
                n_workers=1,
                processes=False,
                protocol="inproc://",
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"extensions": extensions},
                silence_logs=50,
            ) as local,
            distributed.Client(local, set_as_default=False) as client,
        ):
            done: list[tuple[int, int]] = []
            run(DaskCluster(client), tasks.square, range(200), on_result=lambda *pair: done.append(pair), on_failure=print)  # noqa: B023
            assert len(done) == 200
            assert client.run_on_scheduler(notes) == kept
