"""Exact arithmetic on columns: integers never wrap or round, comparisons of integers and reals are exact, missing values stay missing.

Integers are computed in int64 or uint64 where the operands and the result are known to fit, else as Python integers. ``/`` gives a float64 of operands
rounded to float64, and an operation with a real rounds its integer operand so; both as in Python and NumPy.

Nothing warns: a division of reals by zero gives an infinity or NaN; ``//`` and ``%`` of integers by zero, and shifts by less than 0 or more than
63 bits, give a missing value.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

type Extent = tuple[int, int]

_INT64: Extent = (-(2**63), 2**63 - 1)
_UINT64: Extent = (0, 2**64 - 1)
_EXACT = 2**53
MAX_SHIFT = 63


@dataclasses.dataclass(frozen=True, slots=True)
class Numbers:
    """Values with the places where there is none.

    Parameters
    ----------
    values : array of integers (any width, or Python integers as objects) or float64
        What stands at a missing place is arbitrary; NaN counts as missing.
    missing : array of bool, or None
        Broadcasts against `values`; ``None`` where nothing is missing (but for NaN).
    """

    values: np.ndarray
    missing: np.ndarray | None = None

    @classmethod
    def of(cls, value: int | float | np.ndarray, missing: np.ndarray | None = None) -> Numbers:
        """From a column or a literal; a real becomes float64."""
        if isinstance(value, int):
            return cls(np.array(value, _fit((value, value))), missing)
        values = np.asarray(value)
        return cls(values.astype(np.float64, copy=False) if values.dtype.kind == "f" else values, missing)

    @classmethod
    def nothing(cls, real: bool) -> Numbers:
        """One missing value, which broadcasts to any length."""
        return cls(np.array(0.0) if real else np.array(0, np.int64), np.array(True))

    @property
    def real(self) -> bool:
        """Whether these are float64."""
        return self.values.dtype.kind == "f"

    @property
    def absent(self) -> np.ndarray:
        """Where there is no value, NaN included."""
        gone = np.zeros(self.values.shape, bool) if self.missing is None else self.missing
        return gone | np.isnan(self.values) if self.real else gone

    def extent(self) -> Extent:
        """Bounds of the integers: those of the dtype if it is narrow, else of the values."""
        a = self.values
        if a.dtype.kind in "iu" and a.dtype.itemsize < 8:
            info = np.iinfo(a.dtype)
            return int(info.min), int(info.max)
        return (int(a.min()), int(a.max())) if a.size else (0, 0)


def calculate(operator: str, a: Numbers, b: Numbers) -> Numbers:
    """``a operator b``, elementwise, for ``+ - * / // % & | ^ << >>``.

    Examples
    --------
    >>> calculate("*", Numbers.of(np.array([2**40, -1])), Numbers.of(2**40)).values.tolist() == [2**80, -(2**40)]
    True
    >>> calculate("//", Numbers.of(np.array([7, -7])), Numbers.of(np.array([2, 0])))
    Numbers(values=array([ 3, -7]), missing=array([False,  True]))
    """
    missing = either(a.missing, b.missing)
    if operator == "/" or a.real or b.real:
        with np.errstate(all="ignore"):
            return Numbers(_REAL[operator](real(a), real(b)), missing)
    if operator in ("//", "%"):
        zero = b.values == 0
        b, missing = Numbers(np.where(zero, 1, b.values)), either(missing, zero)
    if operator in ("<<", ">>"):
        wild = (b.values < 0) | (b.values > MAX_SHIFT)
        b, missing = Numbers(np.where(wild, 0, b.values)), either(missing, wild)
    dtype = _fit(a.extent(), b.extent(), _result_extent(operator, a.extent(), b.extent()))
    # A scalar of Python integers comes back bare; it stays an array here.
    return Numbers(np.asarray(_INTEGER[operator](a.values.astype(dtype), b.values.astype(dtype)), dtype), _shrink(missing))


def negative(a: Numbers) -> Numbers:
    """``-a``."""
    return Numbers(-a.values, a.missing) if a.real else calculate("-", Numbers.of(0), a)


def inverse(a: Numbers) -> Numbers:
    """``~a`` of integers: ``-a - 1``, without an end to the left."""
    return calculate("-", Numbers.of(-1), a)


def absolute(a: Numbers) -> Numbers:
    """``abs(a)``."""
    if a.real:
        return Numbers(np.abs(a.values), a.missing)
    low, high = a.extent()
    dtype = _fit((low, high), (0, max(-low, high)))
    return Numbers(np.asarray(np.abs(a.values.astype(dtype)), dtype), a.missing)


def compare(operator: str, a: Numbers, b: Numbers) -> np.ndarray:
    """Truth of ``a operator b``; False wherever a side is missing or NaN, whatever the operator.

    Examples
    --------
    >>> big = Numbers.of(np.array([2**53, 2**53 + 1]))
    >>> compare("<=", big, Numbers.of(float(2**53))), compare(">", Numbers.of(np.array([2**64 - 1], np.uint64)), Numbers.of(-1))
    (array([ True, False]), array([ True]))
    >>> compare("!=", Numbers.of(np.array([np.nan, 1.0])), Numbers.of(0))
    array([False,  True])
    """
    with np.errstate(invalid="ignore"):
        if a.real == b.real:
            truth = _COMPARE[operator](*_alike(a.values, b.values))
        elif a.real:
            truth = _mixed(_MIRRORED[operator], b, a.values)
        else:
            truth = _mixed(operator, a, b.values)
    if not (a.real or b.real) and a.missing is None and b.missing is None:
        return np.asarray(truth, bool)
    result: np.ndarray = np.asarray(truth, bool) & ~(a.absent | b.absent)
    return result


def _alike(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A column and a literal that it could hold in one dtype, so that the column is not widened to be compared."""
    for column, literal, swap in ((a, b, False), (b, a, True)):
        if column.ndim and not literal.ndim and column.dtype.kind in "iu" and literal.dtype.kind in "iu":
            info = np.iinfo(column.dtype)
            if info.min <= int(literal) <= info.max:
                narrow = literal.astype(column.dtype)
                return (narrow, column) if swap else (column, narrow)
    return a, b


def _mixed(operator: str, a: Numbers, b: np.ndarray) -> np.ndarray:
    """Integers against reals, without rounding the integers: ``i < x`` is ``i < ceil(x)``, ``i <= x`` is ``i <= floor(x)`` and so on."""
    test = _COMPARE[operator]
    low, high = a.extent()
    if max(-low, high) <= _EXACT:
        return np.asarray(test(a.values.astype(np.float64), b))
    if a.values.dtype.kind == "O":
        return np.asarray(test(a.values, b.astype(object)), bool)
    edge = np.ceil(b) if operator in ("<", ">=") else np.floor(b)
    signed = (edge >= -(2.0**63)) & (edge < 2.0**63)
    truth = test(a.values, np.where(signed, edge, 0).astype(np.int64))
    unsigned = (edge >= 2.0**63) & (edge < 2.0**64)
    truth = np.where(unsigned, test(a.values, np.where(unsigned, edge, 0).astype(np.uint64)), truth)
    truth = np.where(edge >= 2.0**64, operator in ("<", "<=", "!="), truth)
    truth = np.where(edge < -(2.0**63), operator in (">", ">=", "!="), truth)
    if operator in ("==", "!="):
        truth = np.where(edge == b, truth, operator == "!=")
    return truth


def member(a: Numbers, values: Sequence[int | float]) -> np.ndarray:
    """Whether a value is one of these; False where it is missing."""
    if a.values.dtype.kind == "O":
        wanted = set(values)
        truth = np.asarray(np.frompyfunc(lambda x: x in wanted, 1, 1)(a.values), bool)
    else:
        # Only literals that the dtype can hold exactly can be equal to anything.
        exact = [v for v in values if _holds(a.values.dtype, v)]
        truth = np.isin(a.values, np.array(exact if a.real else [int(v) for v in exact], a.values.dtype))
    result: np.ndarray = truth & ~a.absent
    return result


def _holds(dtype: np.dtype, value: int | float) -> bool:
    if dtype.kind == "f":
        return float(value) == value
    info = np.iinfo(dtype)
    return value == value // 1 and int(info.min) <= value <= int(info.max) if np.isfinite(float(value)) else False


def real(a: Numbers) -> np.ndarray:
    """The values as float64, rounded to nearest."""
    return a.values.astype(np.float64, copy=False)


def extreme(candidates: Iterable[Numbers], largest: bool) -> Numbers:
    """Smallest or largest of several, elementwise; missing where one of them is."""
    return functools.reduce(lambda a, b: _pick(a, b, largest), candidates)


def _pick(a: Numbers, b: Numbers, largest: bool) -> Numbers:
    take_b = compare(">" if largest else "<", b, a)
    gone = _shrink(a.absent | b.absent)
    if a.real or b.real:
        return Numbers(np.where(take_b, real(b), real(a)), gone)
    dtype = _fit(a.extent(), b.extent())
    return Numbers(np.where(take_b, b.values.astype(dtype), a.values.astype(dtype)), gone)


def either(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
    """Union of two masks, of which each may be ``None``."""
    return b if a is None else a if b is None else a | b


def _shrink(missing: np.ndarray | None) -> np.ndarray | None:
    return missing if missing is not None and missing.any() else None


def fit(a: Numbers, *extents: Extent) -> np.ndarray:
    """The integers in a dtype that holds them and all that lies in `extents`."""
    return a.values.astype(_fit(a.extent(), *extents), copy=False)


def _fit(*extents: Extent) -> np.dtype:
    low, high = min(e[0] for e in extents), max(e[1] for e in extents)
    for dtype, (least, most) in ((np.int64, _INT64), (np.uint64, _UINT64)):
        if least <= low and high <= most:
            return np.dtype(dtype)
    return np.dtype(object)


def _result_extent(operator: str, a: Extent, b: Extent) -> Extent:
    if operator in ("&", "|", "^", ">>", "%"):
        # The result stays within the bits, or the magnitude, of the operands.
        return min(0, a[0], b[0]), max(0, a[1], b[1])
    if operator == "//":
        widest = max(abs(a[0]), abs(a[1]))
        return (-widest, widest) if b[0] < 0 else (min(0, a[0]), max(0, a[1]))
    if operator == "<<":
        b = (1, 1 << min(max(b[1], 0), MAX_SHIFT))
    corners = [_EXTENT[operator](x, y) for x in a for y in b]
    return min(corners), max(corners)


_EXTENT: dict[str, Callable[[int, int], int]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "<<": lambda x, y: x * y,
}
_REAL: dict[str, Callable[..., np.ndarray]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.remainder,
}
_INTEGER: dict[str, Callable[..., np.ndarray]] = {
    **_REAL,
    "&": np.bitwise_and,
    "|": np.bitwise_or,
    "^": np.bitwise_xor,
    "<<": np.left_shift,
    ">>": np.right_shift,
}
_COMPARE: dict[str, Callable[..., np.ndarray]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
