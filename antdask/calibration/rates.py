"""Rates of KM3NeT channels from the byte that the DAQ writes.

The DAQ states the rate of a channel in one byte, on a logarithmic scale from 2 kHz to 2 MHz in steps of 2.75 %; 0 stands for no rate::

    code      0      1        2        ...   254       255
    rate      0 Hz   2055 Hz  2111 Hz        1.947 MHz  2 MHz

Source: constants and formula of KM3io.jl (``src/constants.jl``, ``src/tools/daq.jl``); km3pipe and km3io 0.29 use the same.
"""

from __future__ import annotations

import numpy as np

#: Ends of the scale [Hz].
MINIMAL_RATE_HZ, MAXIMAL_RATE_HZ = 2.0e3, 2.0e6

#: Natural logarithm of one step.
RATE_STEP = np.log(MAXIMAL_RATE_HZ / MINIMAL_RATE_HZ) / 255

_CODES = np.arange(256)
_RATES_HZ = np.where(_CODES == 0, 0.0, MINIMAL_RATE_HZ * np.exp(_CODES * RATE_STEP))
_LOWER_HZ = np.where(_CODES == 0, 0.0, MINIMAL_RATE_HZ * np.exp((_CODES - 0.5) * RATE_STEP))
_UPPER_HZ = np.where(_CODES == 255, np.inf, MINIMAL_RATE_HZ * np.exp((_CODES + 0.5) * RATE_STEP))


def rate_hz(code: np.ndarray) -> np.ndarray:
    """Rate of a channel.

    Parameters
    ----------
    code : array of uint8, any shape
        The byte as the DAQ wrote it (column ``rate_code``).

    Returns
    -------
    array of float64, same shape
        [Hz]. 0 for code 0: it means that no rate was measured or that it was below the scale, which the byte does not tell apart.

    Raises
    ------
    TypeError
        Codes of another dtype: a rate taken twice through this function must not pass.

    Examples
    --------
    >>> rate_hz(np.array([0, 1, 128, 255], np.uint8)).round(1).tolist()
    [0.0, 2054.9, 64108.0, 2000000.0]
    """
    rates: np.ndarray = _RATES_HZ[_checked(code)]
    return rates


def rate_bounds_hz(code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Interval of rates that a code stands for: half a step to either side on the logarithmic scale.

    That is the resolution of the byte, not the uncertainty of the measurement. It takes for granted that the DAQ rounds to the nearest code; were it
    to round down, the interval would be half a step higher.

    Parameters
    ----------
    code : array of uint8, any shape

    Returns
    -------
    lower, upper : array of float64, same shape
        [Hz]. Code 0 reaches from 0 to half a step below code 1; code 255 ends the scale, so its upper bound is infinite.

    Raises
    ------
    TypeError
        As in `rate_hz`.

    Examples
    --------
    >>> [bound.round(1).tolist() for bound in rate_bounds_hz(np.array([0, 1, 255], np.uint8))]
    [[0.0, 2027.3, 1973093.4], [2027.3, 2082.9, inf]]
    """
    checked = _checked(code)
    return _LOWER_HZ[checked], _UPPER_HZ[checked]


def _checked(code: np.ndarray) -> np.ndarray:
    codes = np.asarray(code)
    if codes.dtype != np.uint8:
        raise TypeError(f"rate codes are uint8, found {codes.dtype}")
    return codes
