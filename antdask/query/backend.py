"""The door for xarray: ``xr.open_dataset(archive, engine="antdask", stream="events")``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import xarray as xr
from xarray.backends import BackendEntrypoint

from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.errors import AntdaskError, UsageError


class AntdaskBackend(BackendEntrypoint):
    """Opens a stream of an archive as a dataset; arguments of ``select`` narrow it.

    A single part is opened by xarray's own ``zarr`` engine, which needs no help.
    """

    description = "Streams of antdask archives"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "stream", "columns", "max_bytes", "select")
    supports_groups = True

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        stream: str | None = None,
        columns: str | Iterable[str] | None = None,
        max_bytes: int | None = None,
        select: dict[str, Any] | None = None,
    ) -> xr.Dataset:
        """A stream; values are read when they are asked for, and by Dask with ``chunks={}`` or ``chunks="auto"``.

        Where a condition must read values to tell which rows there are, all is read at once, as far as the budget allows.

        Parameters
        ----------
        filename_or_obj : str
            Path or URL of the archive.
        stream : str
            May be left out where the archive has only one.
        columns : optional
            As in `Selection.to_xarray`.
        select : dict, optional
            Arguments of `Selection.select`.

        Raises
        ------
        NotAnArchiveError, UnknownNameError, UsageError, DamagedPartError
        """
        # Late: xarray imports this module to list its engines, for whoever opens any file.
        from antdask.query.archive import open_archive
        from antdask.query.lazy import lazy_dataset

        archive = open_archive(str(filename_or_obj))
        if stream is None:
            if len(archive.streams) != 1:
                raise UsageError(
                    "Say which stream", found=", ".join(archive.streams), hint=f'stream="{(archive.streams or ["events"])[0]}"'
                )
            stream = archive.streams[0]
        chosen = archive.stream(stream).select(**(select or {}))
        lazy = chosen.scan.exact and chosen.on_missing == "raise"
        found = lazy_dataset(chosen, columns) if lazy else chosen.to_xarray(columns, max_bytes=max_bytes)
        dropped = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or ())
        return found.drop_vars(dropped, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether there is an archive at this place."""
        try:
            return Store(str(filename_or_obj)).exists(lay.MARKER)
        except (AntdaskError, OSError):
            return False
