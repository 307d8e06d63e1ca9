"""Columns of a detector description: the detector, its comments, modules and photomultipliers.

A row is a whole file, since position, orientation and time offsets of all modules are valid together, in one interval.
"""

from __future__ import annotations

from antdask.model.schema import AMPLITUDE, REAL, Field

#: Stands for a status word that the format does not have: older formats have no column, and 0 would say that all is well.
NO_STATUS = -(2**31)

# One line per field, however long.
# fmt: off

_V1 = "NaN (format 1)"
_V4 = "NaN (formats 1 to 3)"

DETECTOR_FIELDS = (
    Field("detector_id", "i4", "1", "detector identifier as in the file; negative in files for simulation", "meta.id;instr", statistics=True),
    Field("format_version", "u1", "1", "version of the format, from 1 to 5: says which values the file could hold", "meta.number"),
    Field("valid_from_s", "f8", "s", "start of the validity, UTC seconds since 1970 (POSIX)", "time.start", missing=_V1, codec=REAL, statistics=True),
    Field("valid_to_s", "f8", "s", "end of the validity, UTC seconds since 1970 (POSIX); 9999999999 and more stand for an open end", "time.end", missing=_V1, codec=REAL, statistics=True),
    Field("utm_ellipsoid", "u1", "1", "ellipsoid of the UTM reference in ASCII, e.g. WGS84, filled with zeros at the end", dims=(("ellipsoid_byte", 16),), missing="zeros (format 1)", codec=AMPLITUDE),
    Field("utm_zone", "u1", "1", "zone of the UTM reference in ASCII, e.g. 32N, filled with zeros at the end", dims=(("zone_byte", 8),), missing="zeros (format 1)", codec=AMPLITUDE),
    Field("utm_easting", "f8", "m", "UTM easting of the reference point", "pos.cartesian.x", missing=_V1, codec=REAL),
    Field("utm_northing", "f8", "m", "UTM northing of the reference point", "pos.cartesian.y", missing=_V1, codec=REAL),
    Field("utm_z", "f8", "m", "height of the reference point, up, 0 at the sea surface", "pos.cartesian.z", missing=_V1, codec=REAL),
    Field("n_modules", "u4", "1", "number of modules", "meta.number", statistics=True),
    Field("n_pmts", "u4", "1", "number of photomultipliers of all modules", "meta.number", statistics=True),
)

COMMENT_FIELDS = (
    Field("n_bytes", "u4", "byte", "length of the comment", "phys.size;meta.file"),
)

COMMENT_BYTE_FIELDS = (
    Field("byte", "u1", "1", "one byte of the comment, as in the file (text, mostly ASCII)", codec=AMPLITUDE),
)

MODULE_FIELDS = (
    Field("module_id", "i4", "1", "module identifier", "meta.id;instr.det"),
    Field("line", "i4", "1", "line (detection unit), from 1", "meta.id;instr.det"),
    Field("floor", "i4", "1", "floor on the line, from 1; 0 is the base module, -1 an unknown floor", "meta.id;instr.det"),
    Field("x", "f8", "m", "x of the module: UTM easting relative to the reference point", "pos.cartesian.x", missing=_V4, codec=REAL),
    Field("y", "f8", "m", "y of the module: UTM northing relative to the reference point", "pos.cartesian.y", missing=_V4, codec=REAL),
    Field("z", "f8", "m", "z of the module, up, relative to the reference point", "pos.cartesian.z", missing=_V4, codec=REAL),
    Field("q0", "f8", "1", "real part of the unit quaternion of the orientation", missing=_V4, codec=REAL),
    Field("qx", "f8", "1", "x part of the unit quaternion of the orientation", missing=_V4, codec=REAL),
    Field("qy", "f8", "1", "y part of the unit quaternion of the orientation", missing=_V4, codec=REAL),
    Field("qz", "f8", "1", "z part of the unit quaternion of the orientation", missing=_V4, codec=REAL),
    Field("t0_ns", "f8", "ns", "time offset of the module", "time", missing=_V4, codec=REAL),
    Field("status", "i4", "1", "status word of the module, bit by bit; 0 is in order", "meta.code.status", missing=f"{NO_STATUS} (formats 1 to 4)"),
)

PMT_FIELDS = (
    Field("pmt_id", "i4", "1", "photomultiplier identifier", "meta.id;instr.det"),
    Field("x", "f8", "m", "x of the photomultiplier: UTM easting relative to the reference point", "pos.cartesian.x", codec=REAL),
    Field("y", "f8", "m", "y of the photomultiplier: UTM northing relative to the reference point", "pos.cartesian.y", codec=REAL),
    Field("z", "f8", "m", "z of the photomultiplier, up, relative to the reference point", "pos.cartesian.z", codec=REAL),
    Field("dx", "f8", "1", "x of the unit vector along the axis", "pos.cartesian.x;instr", codec=REAL),
    Field("dy", "f8", "1", "y of the unit vector along the axis", "pos.cartesian.y;instr", codec=REAL),
    Field("dz", "f8", "1", "z of the unit vector along the axis", "pos.cartesian.z;instr", codec=REAL),
    Field("t0_ns", "f8", "ns", "time offset of the photomultiplier", "time", codec=REAL),
    Field("status", "i4", "1", "status word of the photomultiplier, bit by bit; 0 is in order", "meta.code.status", missing=f"{NO_STATUS} (formats 1 and 2)"),
)
