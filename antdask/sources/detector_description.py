"""A detector as parsed from a file, of whatever kind, and the row of stream ``detector`` that it becomes."""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.model.detector_fields import NO_STATUS
from antdask.model.ragged import Batch, Columns, offsets_of
from antdask.model.tables import DETECTOR

ORIGIN = "detector_file"


@dataclasses.dataclass
class Detector:
    """A detector as parsed.

    Parameters
    ----------
    detector_id, version : int
    validity : (float, float)
        UTC seconds, NaN in format 1.
    utm : (bytes, bytes, float, float, float)
        Ellipsoid, zone, easting, northing, z.
    comments : list of bytes
    location : int array, shape (modules, 3)
        Identifier, line, floor.
    pose : float array, shape (modules, 8)
        x, y, z [m], quaternion q0, qx, qy, qz, time offset [ns]; NaN before format 4.
    module_status : int array, shape (modules,)
        `NO_STATUS` before format 5.
    n_pmts : int array, shape (modules,)
    pmt_id, pmt_status : int array, shape (pmts,)
        Status `NO_STATUS` before format 3.
    pmt_pose : float array, shape (pmts, 7)
        x, y, z [m], dx, dy, dz, time offset [ns].
    """

    detector_id: int
    version: int
    validity: tuple[float, float]
    utm: tuple[bytes, bytes, float, float, float]
    comments: list[bytes]
    location: np.ndarray
    pose: np.ndarray
    module_status: np.ndarray
    n_pmts: np.ndarray
    pmt_id: np.ndarray
    pmt_pose: np.ndarray
    pmt_status: np.ndarray

    def batch(self) -> Batch:
        """One row with all that hangs below it.

        Raises
        ------
        ValueError
            A number or text does not fit its field, or cannot be.
        """
        self._check()
        tables: dict[str, Columns] = {
            "detectors": self._row(),
            "comments": {"n_bytes": np.array([len(c) for c in self.comments], np.int64)},
            "comment_bytes": {"byte": np.frombuffer(b"".join(self.comments), np.uint8)},
            "modules": self._modules(),
            "pmts": self._pmts(),
        }
        offsets = {
            "comments": np.array([0, len(self.comments)], np.int64),
            "comment_bytes": offsets_of(tables["comments"]["n_bytes"]),
            "modules": np.array([0, len(self.n_pmts)], np.int64),
            "pmts": offsets_of(self.n_pmts),
        }
        for table in DETECTOR.tables:
            fields = table.columns(ORIGIN)
            tables[table.name] = {name: _fitting(name, tables[table.name][name], field.numpy) for name, field in fields.items()}
        return Batch("detector", ORIGIN, tables, offsets)

    def _check(self) -> None:
        """Make sure that numbers are numbers, and that no module or photomultiplier is there twice.

        Raises
        ------
        ValueError
        """
        versions = {1: (self.pmt_pose,), 2: (self.pmt_pose, self.validity, self.utm[2:]), 4: (self.pose,)}
        for version, values in versions.items():
            if version <= self.version and not all(np.isfinite(numbers).all() for numbers in values):
                raise ValueError("a position, direction or time is no finite number")
        for what, numbers in (("module", self.location[:, 0]), ("photomultiplier", self.pmt_id)):
            known, counts = np.unique(numbers, return_counts=True)
            if (counts > 1).any():
                raise ValueError(f"{what} {known[np.argmax(counts)]} is there {counts.max()} times")

    def _row(self) -> Columns:
        ellipsoid, zone, easting, northing, z = self.utm
        values: dict[str, float] = {
            "detector_id": self.detector_id,
            "format_version": self.version,
            "valid_from_s": self.validity[0],
            "valid_to_s": self.validity[1],
            "utm_easting": easting,
            "utm_northing": northing,
            "utm_z": z,
            "n_modules": len(self.n_pmts),
            "n_pmts": len(self.pmt_id),
            "source_input": 0,
            "source_entry": 0,
        }
        texts = {"utm_ellipsoid": ellipsoid, "utm_zone": zone}
        row = {name: np.array([value]) for name, value in values.items()}
        return row | {name: _padded(name, text, DETECTOR.rows.field(name).dims[0][1]) for name, text in texts.items()}

    def _modules(self) -> Columns:
        names = ("x", "y", "z", "q0", "qx", "qy", "qz", "t0_ns")
        columns = {name: self.location[:, n] for n, name in enumerate(("module_id", "line", "floor"))}
        return columns | {name: self.pose[:, n] for n, name in enumerate(names)} | {"status": self.module_status}

    def _pmts(self) -> Columns:
        names = ("x", "y", "z", "dx", "dy", "dz", "t0_ns")
        columns = {name: self.pmt_pose[:, n] for n, name in enumerate(names)}
        return columns | {"pmt_id": self.pmt_id, "status": self.pmt_status}


def _fitting(name: str, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype.kind in "iu" and values.size:
        limits = np.iinfo(dtype)
        low, high = int(values.min()), int(values.max())
        if low < limits.min or high > limits.max:
            raise ValueError(f"{name} does not fit {dtype}: {low if low < limits.min else high}")
    return np.ascontiguousarray(values, dtype)


def _padded(name: str, text: bytes, width: int) -> np.ndarray:
    if len(text) > width:
        raise ValueError(f"{name} has more than {width} bytes: {text!r}")
    return np.frombuffer(text.ljust(width, b"\0"), np.uint8).reshape(1, width)


def no_status(count: int) -> np.ndarray:
    """Status words of a format that has none."""
    return np.full(count, NO_STATUS, np.int64)
