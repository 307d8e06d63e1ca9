"""Detector fields: what older formats lack is missing, not zero."""

from __future__ import annotations

from antdask.model import detector_fields, tables


def test_every_number_of_the_formats_has_a_field() -> None:
    modules = [f.name for f in detector_fields.MODULE_FIELDS]
    assert modules == ["module_id", "line", "floor", "x", "y", "z", "q0", "qx", "qy", "qz", "t0_ns", "status"]
    assert [f.name for f in detector_fields.PMT_FIELDS] == ["pmt_id", "x", "y", "z", "dx", "dy", "dz", "t0_ns", "status"]


def test_the_stand_in_for_a_missing_status_fits_and_is_told() -> None:
    for fields in (detector_fields.MODULE_FIELDS, detector_fields.PMT_FIELDS):
        (status,) = [f for f in fields if f.name == "status"]
        assert status.numpy.type(detector_fields.NO_STATUS) == detector_fields.NO_STATUS
        assert str(detector_fields.NO_STATUS) in status.missing


def test_tables_hang_below_the_detector() -> None:
    parents = {t.name: t.parent for t in tables.DETECTOR.tables}
    assert parents == {"detectors": None, "comments": "detectors", "comment_bytes": "comments", "modules": "detectors", "pmts": "modules"}
