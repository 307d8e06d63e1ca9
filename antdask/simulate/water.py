"""The water around the detector: currents, temperature and salinity by time, and the light that life in it makes; the same for all that is simulated.

Quiet water turns with the inertial period (17.6 h at this latitude). In spring, if asked for, dense water that sank in winter comes by in episodes of some days, as it did in 2009 and 2010:
it flows fast, it is warmer and saltier, and some hours after the current the light rises. Sizes follow what was published for the site (60 to 100 kHz in quiet water, currents up to 0.35 m/s,
blooms from March to July); shapes are invented.
"""

from __future__ import annotations

import dataclasses

import numpy as np

#: 2 pi / (2 Omega sin(42.8 deg)) [s].
INERTIAL_S = 17.6 * 3600
DAY_S = 86_400.0
#: Day of the year, length (standard deviation) in days, and strength of the episodes of a spring.
EPISODES = ((70.0, 2.0, 0.5), (84.0, 3.5, 1.0), (104.0, 2.5, 0.7), (128.0, 4.0, 0.9), (161.0, 3.0, 0.6))
#: How much later than the current the light comes [s].
LAG_S = 9 * 3600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Water:
    """The water, for times in s since 1970.

    Parameters
    ----------
    spring : bool
        Whether dense water comes by.
    """

    spring: bool = False

    def dense(self, t: np.ndarray) -> np.ndarray:
        """How much dense water there is: 0 none, 1 the strongest of the year.

        Examples
        --------
        >>> march = np.array(["2010-03-26", "2010-10-01"], "datetime64[s]").astype(float)
        >>> Water(spring=True).dense(march).round(2).tolist(), Water().dense(march).tolist()
        ([1.0, 0.0], [0.0, 0.0])
        """
        t = np.asarray(t, float)
        if not self.spring:
            return np.zeros(t.shape)
        year = t.astype("datetime64[s]").astype("datetime64[Y]").astype("datetime64[s]").astype(float)
        day = (t - year) / DAY_S
        found: np.ndarray = sum(strength * np.exp(-0.5 * ((day - at) / width) ** 2) for at, width, strength in EPISODES)
        return found

    def speed(self, t: np.ndarray) -> np.ndarray:
        """Speed of the current [cm/s]."""
        wave = np.sin(2 * np.pi * np.asarray(t, float) / INERTIAL_S)
        found: np.ndarray = 6.0 + self.dense(t) * (16.0 + 6.0 * wave) + (1.5 * wave if self.spring else 0.0)
        return found

    def direction(self, t: np.ndarray) -> np.ndarray:
        """Direction towards which it flows: along the slope to the west, turning with the inertial wave [deg]."""
        wave = np.sin(2 * np.pi * np.asarray(t, float) / INERTIAL_S + 1.0)
        found: np.ndarray = 260.0 + (35.0 * wave * (1 - 0.6 * np.minimum(self.dense(t), 1.0)) if self.spring else 0.0 * wave)
        return found

    def temperature(self, t: np.ndarray) -> np.ndarray:
        """Change of temperature that dense water brings [deg C]."""
        return 0.06 * self.dense(t)

    def salinity(self, t: np.ndarray) -> np.ndarray:
        """Change of practical salinity that dense water brings."""
        return 0.02 * self.dense(t)

    def glow(self, t: np.ndarray) -> np.ndarray:
        """Factor on the baseline of all modules."""
        t = np.asarray(t, float)
        found: np.ndarray = 1.0 + 1.3 * self.dense(t - LAG_S) ** 1.5
        return found

    def bursts(self, t: float) -> float:
        """Factor on the number of bursts: organisms flash where water shears past them."""
        if not self.spring:
            return 1.0
        later = np.array([t - LAG_S])
        return float(0.15 + 1.6 * self.dense(later)[0] * (self.speed(later)[0] / 22.0) ** 2)
