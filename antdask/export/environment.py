"""The verb: write the environmental products of an archive into a folder that people open without antdask.

::

    FOLDER/
      README.md                               what it is, how to cite it, known gaps
      netcdf/rates-L01-15min.nc               one file per line and level
      netcdf/IL07-CTD-temperature.nc          one file per sensor, as it was read, and one per level
      netcdf/counts-2010-03-01.nc             frames of a day, if one was asked for
      tables/rates-1d.parquet                 all optical modules, for a laptop
      tables/sensors-1d.parquet               all sensors
      tables/flashes.parquet
      erddap/datasets.xml                     a fragment
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from antdask.archive.store import destination_errors
from antdask.environment.grid import level_named
from antdask.environment.vocabulary import TERMS
from antdask.errors import UsageError
from antdask.export.citation import Citation
from antdask.export.erddap import dataset_fragment
from antdask.export.export_readme import readme
from antdask.export.laptop import rates_table, sensors_table
from antdask.export.native import native_day
from antdask.export.netcdf import rates_file, sensor_file


@dataclasses.dataclass
class Exported:
    """What was written.

    Parameters
    ----------
    folder : str
    files : dict of relative path to bytes
    rows : int
        Of the tables of rates.
    """

    folder: str
    files: dict[str, int]
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return dataclasses.asdict(self)


def export_environment(
    archive: Any,
    folder: str | os.PathLike[str],
    *,
    levels: Iterable[str] = ("15min", "1d"),
    lines: Iterable[int] | None = None,
    sensors: Iterable[str] | None = None,
    time: str | None = None,
    native: str | None = None,
    citation: Citation | None = None,
    csv: bool = False,
) -> Exported:
    """Write NetCDF files per line, sensor and level, tables, a fragment for ERDDAP, and a README; the same input and date give the same bytes.

    Parameters
    ----------
    archive : Archive
        With a product of rates.
    folder : path
        New or empty.
    levels, lines
        All lines with data if not given.
    sensors : iterable of str, optional
        Those that tell of the sea (no compasses, no voltages) if not given.
    time : "T0/T1", optional
    native : str, optional
        A day, of which frames are written too.
    csv : bool
        Tables as CSV, not Parquet.

    Raises
    ------
    UsageError
        Nothing was built, or the folder holds something.
    UnknownNameError
        No such level or sensor.
    DestinationError
    """
    target, names, environment = Path(folder), [level_named(n).name for n in levels], archive.environment
    about = (citation or Citation()).of(environment.product.document["detector"]).dated()
    known = environment.product.quantity.labels
    if "line" not in known:
        raise UsageError("These data have no lines; only rates of ANTARES are exported")
    if target.exists() and any(target.iterdir()):
        raise UsageError("The folder is not empty", where=str(target), hint="Name a new one.")
    with _or_nothing(target):
        for name in ("netcdf", "tables", "erddap"):
            (target / name).mkdir()
        wanted = sorted(set(lines)) if lines is not None else np.unique(known["line"]).tolist()
        writing = _Writing(environment, target, names, time, about, "csv" if csv else "parquet")
        fragments, rows = writing.rates(wanted)
        fragments += writing.sensors(sensors)
        if native is not None:
            native_day(archive, native, about, target / "netcdf" / f"counts-{native}.nc", wanted if lines is not None else None)
        with destination_errors(str(target)):
            pq.write_table(environment.flashes(time), target / "tables" / "flashes.parquet", compression="zstd")
            (target / "erddap" / "datasets.xml").write_text("".join(fragments), encoding="utf-8")
            (target / "README.md").write_text(readme(environment, names, about), encoding="utf-8")
    files = {str(p.relative_to(target)): p.stat().st_size for p in sorted(target.rglob("*")) if p.is_file()}
    return Exported(str(target), files, rows)


@contextlib.contextmanager
def _or_nothing(target: Path) -> Iterator[None]:
    """A folder that is new or empty, and that is cleared when anything fails: the next attempt finds it as this one did."""
    with destination_errors(str(target)):
        target.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


@dataclasses.dataclass(frozen=True)
class _Writing:
    """What all files of an export share."""

    environment: Any
    target: Path
    levels: list[str]
    time: str | None
    citation: Citation
    ending: str

    def rates(self, lines: list[int]) -> tuple[list[str], int]:
        """A file for each line and level, and a table of all lines by level; fragments for ERDDAP, and rows of the tables."""
        fragments, rows = [], 0
        for level in self.levels:
            written = []
            for line in lines:
                found = self.environment.open(level=level, time=self.time, line=line)
                if bool((found["n_valid"].sum() + found["n_saturated"].sum()) > 0):
                    written.append(rates_file(found, self.citation, self.target / "netcdf" / f"rates-L{line:02d}-{level}.nc"))
            if written:
                fragments.append(dataset_fragment(written, f"antares_rates_{level}"))
            whole = self.environment.open(level=level, time=self.time, line=lines)
            rows += rates_table(whole, self.target / "tables" / f"rates-{level}.{self.ending}")
        return fragments, rows

    def sensors(self, names: Iterable[str] | None) -> list[str]:
        """Files of sensors, as they were read and by level, and a table of all by level; fragments for ERDDAP."""
        if names is None:
            names = [name for name, code in self.environment.sensors["code"].items() if code and TERMS[code].kind == "environmental"]
        chosen, fragments = list(names), []
        for name in chosen:
            stem = name.replace("/", "-")
            series = self._series(name, "raw")
            if not series.sizes["time"]:
                continue
            written = sensor_file(series, name, self.citation, self.target / "netcdf" / f"{stem}.nc")
            fragments.append(dataset_fragment([written], f"antares_{stem.replace('-', '_')}"))
            for level in self.levels:
                sensor_file(self._series(name, level), name, self.citation, self.target / "netcdf" / f"{stem}-{level}.nc")
        for level in self.levels if chosen else []:
            series_of = {name: self._series(name, level) for name in chosen}
            sensors_table(series_of, self.target / "tables" / f"sensors-{level}.{self.ending}")
        return fragments

    def _series(self, name: str, level: str) -> Any:
        return self.environment.open(name, level=level, time=self.time)
