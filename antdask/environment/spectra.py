"""Rhythms: spectrogram, scalogram, what lies in the inertial band, and how one series follows another. All take evenly sampled series with NaN for gaps.

At latitude 42.8 N a current that nothing drives turns once in ``2 pi / (2 Omega sin(latitude))`` = 17.6 h: the inertial period.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from antdask.errors import UsageError

#: Of the site (junction box MII: 42 deg 48.373' N) [deg].
LATITUDE = 42.806
#: Rotation of the Earth against the stars [rad/s].
OMEGA = 7.292115e-5


def inertial_period_s(latitude: float = LATITUDE) -> float:
    """Period of free horizontal motion [s].

    Examples
    --------
    >>> round(inertial_period_s() / 3600, 2)
    17.61
    """
    return float(np.pi / (OMEGA * abs(np.sin(np.radians(latitude)))))


def step_s(series: xr.DataArray) -> float:
    """Time between samples [s].

    Raises
    ------
    UsageError
        Samples that are not evenly spaced, or fewer than two.
    """
    steps = np.diff(series.time.values.astype("datetime64[ns]").astype(np.int64))
    if not len(steps) or (steps != steps[0]).any() or steps[0] <= 0:
        raise UsageError("The series is not evenly sampled", hint="Open one level of a product, or use series.regular.")
    return float(steps[0] * 1e-9)


def spectrogram(series: xr.DataArray, window_s: float, overlap: float = 0.5, least: float = 0.8) -> xr.DataArray:
    """Power spectral density in windows that follow each other.

    Parameters
    ----------
    series : DataArray over ``time``
    window_s : float
        Length of a window [s].
    overlap : float
        Share of a window that the next repeats.
    least : float
        Windows with a smaller share of values are NaN; what is missing in others takes the mean of the window, which lowers power, never adds any.

    Returns
    -------
    DataArray over ``frequency`` (Hz) and ``time`` (centre of the window)
        [unit of the series squared per Hz]; the sum over frequency times their distance is the variance.
    """
    dt, values = step_s(series), np.asarray(series.values, float)
    n = round(window_s / dt)
    if n < 4 or n > len(values):
        raise UsageError("The window does not fit the series", found=f"{n} samples", expected=f"4 to {len(values)}")
    starts = np.arange(0, len(values) - n + 1, max(1, round(n * (1 - overlap))))
    pieces = values[starts[:, None] + np.arange(n)]
    good = ~np.isnan(pieces)
    enough = good.mean(axis=1) >= least
    mean = np.where(good, pieces, 0).sum(axis=1) / np.maximum(good.sum(axis=1), 1)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(n) + 0.5) / n)
    transformed = np.fft.rfft(np.where(good, pieces - mean[:, None], 0.0) * taper, axis=1)
    power = np.abs(transformed) ** 2 * (2 * dt / (taper**2).sum())
    power[:, 0] /= 2
    if n % 2 == 0:
        power[:, -1] /= 2
    power[~enough] = np.nan
    times = series.time.values[starts] + np.timedelta64(round(n * dt * 5e8), "ns")
    return xr.DataArray(power.T, {"frequency": np.fft.rfftfreq(n, dt), "time": times}, ("frequency", "time"), name="power")


def scalogram(series: xr.DataArray, periods_s: np.ndarray, cycles: float = 6.0) -> xr.DataArray:
    """Amplitude of oscillations by period and time, with Morlet wavelets of so many cycles.

    Returns
    -------
    DataArray over ``period`` (s) and ``time``
        Amplitude [unit of the series]; NaN where more than a fifth of the wavelet lies in gaps or beyond the ends.
    """
    dt, values = step_s(series), np.asarray(series.values, float)
    good = ~np.isnan(values)
    filled = np.where(good, values - values[good].mean() if good.any() else 0.0, 0.0)
    n = 1 << int(np.ceil(np.log2(2 * len(values))))
    spectrum, there = np.fft.fft(filled, n), np.fft.fft(good.astype(float), n)
    omega = 2 * np.pi * np.fft.fftfreq(n, dt)
    found = np.empty((len(periods_s), len(values)))
    for i, period in enumerate(np.asarray(periods_s, float)):
        width = cycles * period / (2 * np.pi)
        wavelet = np.exp(-0.5 * (width * (omega - 2 * np.pi / period)) ** 2)
        envelope = np.exp(-0.5 * (width * omega) ** 2)
        amplitude = 2 * np.abs(np.fft.ifft(spectrum * wavelet))[: len(values)]
        covered = np.fft.ifft(there * envelope).real[: len(values)]
        found[i] = np.where(covered >= 0.8, amplitude, np.nan)
    return xr.DataArray(
        found,
        {"period": np.asarray(periods_s, float), "time": series.time.values},
        ("period", "time"),
        name="amplitude",
        attrs=_unit(series),
    )


def _unit(series: xr.DataArray) -> dict[str, str]:
    return {"units": str(series.attrs["units"])} if "units" in series.attrs else {}


def inertial_band(series: xr.DataArray, latitude: float = LATITUDE, width: float = 0.15, least: float = 0.8) -> xr.DataArray:
    """The part of a series that turns with the inertial period, give or take `width` of it.

    Raises
    ------
    UsageError
        Gaps take more than ``1 - least`` of the series, or samples are too far apart.
    """
    dt, values = step_s(series), np.asarray(series.values, float)
    good, f0 = ~np.isnan(values), 1 / inertial_period_s(latitude)
    if good.mean() < least:
        raise UsageError(
            "Too much of the series is missing", found=f"{good.mean():.0%} there", expected=f"{least:.0%}", hint="Choose a better time."
        )
    if 2 * dt * f0 > 0.5:
        raise UsageError("Samples are too far apart for the inertial period", found=f"{dt:g} s", hint="Take a finer level, e.g. 1h.")
    spectrum = np.fft.rfft(np.where(good, values - values[good].mean(), 0.0))
    f = np.fft.rfftfreq(len(values), dt)
    spectrum[np.abs(f / f0 - 1) > width] = 0
    band = np.where(good, np.fft.irfft(spectrum, len(values)), np.nan)
    return series.copy(data=band).rename("inertial")


def lag_correlation(first: xr.DataArray, second: xr.DataArray, longest_s: float, least: int = 10) -> xr.DataArray:
    """Correlation of two series by lag; a positive lag means that the second comes later.

    Parameters
    ----------
    first, second : DataArray
        On the same times.
    longest_s : float
        Largest lag either way [s].
    least : int
        Pairs that a lag needs; fewer give NaN.

    Returns
    -------
    DataArray over ``lag`` (s)
    """
    a, b = xr.align(first, second, join="exact")
    dt, x, y = step_s(a), np.asarray(a.values, float), np.asarray(b.values, float)
    most = min(int(longest_s / dt), len(x) - 1)
    lags, found = np.arange(-most, most + 1), np.full(2 * most + 1, np.nan)
    for i, lag in enumerate(lags.tolist()):
        u, v = (x[: len(x) - lag], y[lag:]) if lag >= 0 else (x[-lag:], y[:lag])
        good = ~(np.isnan(u) | np.isnan(v))
        if good.sum() >= least and u[good].std() > 0 and v[good].std() > 0:
            found[i] = np.corrcoef(u[good], v[good])[0, 1]
    return xr.DataArray(found, {"lag": lags * dt}, ("lag",), name="correlation")
