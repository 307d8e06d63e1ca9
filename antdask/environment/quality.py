"""Quality flags: automatic tests of QARTOD through ``ioos_qc``, kept in the scheme of OceanSITES; conversion to and from other schemes.

======  ==========================  ======  =============
OceanSITES                          QARTOD  SeaDataNet L20
==================================  ======  =============
0       unknown, no test was run    2       0
1       good                        1       1
2       probably good               1       2
3       potentially correctable     3       3
4       bad                         4       4
7       nominal value               1       B
8       interpolated                3       8
9       missing                     9       9
======  ==========================  ======  =============
"""

from __future__ import annotations

import dataclasses

import numpy as np

from antdask.environment.extras import load
from antdask.environment.vocabulary import Term

UNKNOWN, GOOD, PROBABLY_GOOD, CORRECTABLE, BAD, NOMINAL, INTERPOLATED, MISSING = 0, 1, 2, 3, 4, 7, 8, 9
FLAGS = {
    UNKNOWN: "unknown", GOOD: "good_data", PROBABLY_GOOD: "probably_good_data", CORRECTABLE: "potentially_correctable_bad_data",
    BAD: "bad_data", NOMINAL: "nominal_value", INTERPOLATED: "interpolated_value", MISSING: "missing_value",
}  # fmt: skip
#: How grave each flag is, by its number.
_GRAVITY = np.zeros(10, np.uint8)
_GRAVITY[[UNKNOWN, GOOD, NOMINAL, PROBABLY_GOOD, INTERPOLATED, CORRECTABLE, BAD, MISSING]] = np.arange(8)
_FROM_QARTOD = {1: GOOD, 2: UNKNOWN, 3: CORRECTABLE, 4: BAD, 9: MISSING}
_TO_QARTOD = {UNKNOWN: 2, GOOD: 1, PROBABLY_GOOD: 1, CORRECTABLE: 3, BAD: 4, NOMINAL: 1, INTERPOLATED: 3, MISSING: 9}
_TO_L20 = {UNKNOWN: "0", GOOD: "1", PROBABLY_GOOD: "2", CORRECTABLE: "3", BAD: "4", NOMINAL: "B", INTERPOLATED: "8", MISSING: "9"}


@dataclasses.dataclass(frozen=True, slots=True)
class QualitySpec:
    """Limits of the automatic tests, in the unit of the series; ``None`` leaves a test out.

    Parameters
    ----------
    fail_span : (float, float)
        Values outside are bad.
    suspect_span : (float, float) or None
        Values outside are suspect.
    spike : (float, float) or None
        Difference to the mean of the neighbours from which a value is suspect, and bad.
    rate_of_change : float or None
        Largest change per second that is good.
    flat : (float, float, float) or None
        Tolerance; seconds within it from which a series is suspect, and bad.
    """

    fail_span: tuple[float, float]
    suspect_span: tuple[float, float] | None = None
    spike: tuple[float, float] | None = None
    rate_of_change: float | None = None
    flat: tuple[float, float, float] | None = None

    @classmethod
    def of(cls, term: Term) -> QualitySpec:
        """What holds for a kind of measurement without any further knowledge: its gross range."""
        return cls(term.span)


def qualify(utc_ns: np.ndarray, values: np.ndarray, spec: QualitySpec) -> np.ndarray:
    """OceanSITES flags of a series, uint8: the worst of all tests.

    Parameters
    ----------
    utc_ns : int64 array
        Ascending.
    values : float array
        NaN is missing.

    Examples
    --------
    >>> times = np.arange(4) * 360 * 10**9
    >>> qualify(times, np.array([13.2, 13.2, np.nan, 99.0]), QualitySpec((10, 30))).tolist()
    [1, 1, 9, 4]
    """
    if not len(values):
        return np.zeros(0, np.uint8)
    qartod, times = load("ioos_qc.qartod"), utc_ns.astype("datetime64[ns]")
    results = [qartod.gross_range_test(values, fail_span=spec.fail_span, suspect_span=spec.suspect_span)]
    if spec.spike is not None:
        results.append(qartod.spike_test(values, suspect_threshold=spec.spike[0], fail_threshold=spec.spike[1]))
    if spec.rate_of_change is not None and len(values) > 1:
        results.append(qartod.rate_of_change_test(values, times, threshold=spec.rate_of_change))
    if spec.flat is not None and len(values) > 1:
        tolerance, suspect, fail = spec.flat
        results.append(qartod.flat_line_test(values, times, suspect_threshold=suspect, fail_threshold=fail, tolerance=tolerance))
    worst = np.full(len(values), GOOD, np.uint8)
    for result in results:
        flags = from_qartod(np.ma.filled(np.ma.asarray(result), 9))
        # "Not evaluated" (the ends of a series have no neighbours) says nothing against a value.
        worst = np.where(flags == UNKNOWN, worst, np.maximum(worst, flags)).astype(np.uint8)
    worst[np.isnan(values)] = MISSING
    return worst


def merged(found: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The graver of two flags, uint8: what a test found, and what the source says (0 where it says nothing).

    Examples
    --------
    >>> merged(np.array([1, 1, 4, 1, 9], np.uint8), np.array([0, 2, 1, 4, 1], np.uint8)).tolist()
    [1, 2, 4, 4, 9]
    """
    return np.where(_GRAVITY[given] > _GRAVITY[found], given, found).astype(np.uint8)


def from_qartod(flags: np.ndarray) -> np.ndarray:
    """OceanSITES flags of QARTOD flags, uint8."""
    return _mapped(flags, _FROM_QARTOD)


def to_qartod(flags: np.ndarray) -> np.ndarray:
    """QARTOD flags of OceanSITES flags, uint8; 2 and 7 become 1, and 8 becomes 3."""
    return _mapped(flags, _TO_QARTOD)


def to_seadatanet(flags: np.ndarray) -> np.ndarray:
    """L20 flags of OceanSITES flags, one character each; nothing is lost."""
    table = np.array([_TO_L20.get(k, "0") for k in range(10)])
    return np.asarray(table[np.asarray(flags, np.intp)])


def _mapped(flags: np.ndarray, words: dict[int, int]) -> np.ndarray:
    table = np.array([words.get(k, UNKNOWN) for k in range(10)], np.uint8)
    return np.asarray(table[np.asarray(flags, np.intp)])
