"""A parsed detector becomes one row with all that hangs below it."""

from __future__ import annotations

import numpy as np
import pytest

from antdask.model.detector_fields import NO_STATUS
from antdask.sources.detector_description import Detector, no_status


def detector(**changes: object) -> Detector:
    values: dict[str, object] = {
        "detector_id": 7,
        "version": 5,
        "validity": (0.0, 1.0),
        "utm": (b"WGS84", b"32N", 1.0, 2.0, 3.0),
        "comments": [b"one", b"", b"three"],
        "location": np.array([[1, 2, 3], [4, 5, 6]]),
        "pose": np.zeros((2, 8)),
        "module_status": np.array([0, 1]),
        "n_pmts": np.array([0, 3]),
        "pmt_id": np.arange(3),
        "pmt_pose": np.zeros((3, 7)),
        "pmt_status": np.arange(3),
    }
    return Detector(**(values | changes))  # type: ignore[arg-type]


def test_everything_hangs_below_the_one_row() -> None:
    batch = detector().batch()
    assert batch.problems() == []
    assert (batch.rows, batch.hits) == (1, 0)
    assert {name: offsets.tolist() for name, offsets in batch.offsets.items()} == {
        "comments": [0, 3],
        "comment_bytes": [0, 3, 3, 8],
        "modules": [0, 2],
        "pmts": [0, 0, 3],
    }
    assert batch.tables["comment_bytes"]["byte"].tobytes() == b"onethree"
    assert bytes(batch.tables["detectors"]["utm_zone"][0]) == b"32N\0\0\0\0\0"


@pytest.mark.parametrize(
    "changes", [{"detector_id": 2**31}, {"utm": (b"", b"123456789", 0.0, 0.0, 0.0)}, {"pmt_status": np.array([0, 0, -(2**31) - 1])}]
)
def test_what_does_not_fit_its_field_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"does not fit|more than 8 bytes"):
        detector(**changes).batch()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pmt_id": np.array([5, 9, 5])}, "photomultiplier 5 is there 2 times"),
        ({"location": np.array([[4, 2, 3], [4, 5, 6]])}, "module 4 is there 2 times"),
        ({"pmt_pose": np.full((3, 7), np.inf)}, "no finite number"),
        ({"pose": np.full((2, 8), np.nan)}, "no finite number"),
        ({"validity": (0.0, np.inf)}, "no finite number"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        detector(**changes).batch()


def test_versions_without_a_number_have_none_that_is_wrong() -> None:
    assert detector(version=3, pose=np.full((2, 8), np.nan)).batch().problems() == []
    assert (
        detector(version=1, validity=(np.nan, np.nan), utm=(b"", b"", np.nan, np.nan, np.nan), pose=np.full((2, 8), np.nan)).batch().rows
        == 1
    )


def test_a_missing_status_is_no_zero() -> None:
    assert no_status(2).tolist() == [NO_STATUS, NO_STATUS]
    assert detector(module_status=no_status(2)).batch().tables["modules"]["status"].tolist() == [NO_STATUS] * 2
