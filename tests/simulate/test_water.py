"""Dense water comes in spring if it is asked for, and light follows it; quiet water stays what it was."""

from __future__ import annotations

import numpy as np

from antdask.simulate.water import EPISODES, LAG_S, Water

HOURS = np.arange(np.datetime64("2011-01-01", "s"), np.datetime64("2012-01-01", "s"), np.timedelta64(3600, "s")).astype(float)


def test_quiet_water_changes_nothing():
    quiet = Water()
    assert (quiet.glow(HOURS) == 1).all()
    assert quiet.bursts(HOURS[0]) == 1.0
    assert (quiet.speed(HOURS) == 6).all() and (quiet.direction(HOURS) == 260).all()


def test_light_comes_after_the_current_of_a_spring():
    spring = Water(spring=True)
    glow, speed = spring.glow(HOURS), spring.speed(HOURS)
    assert 2.0 < glow.max() < 2.5 and 20 < speed.max() < 35
    lag = HOURS[glow.argmax()] - HOURS[spring.dense(HOURS).argmax()]
    assert abs(lag - LAG_S) <= 3600
    summer = np.datetime64("2011-08-01", "s").astype(float) < HOURS
    assert glow[summer].max() < 1.01
    assert len([1 for at, *_ in EPISODES if spring.dense(HOURS[[int(at * 24)]])[0] > 0.4]) == len(EPISODES)
    bursts = np.array([spring.bursts(t) for t in HOURS])
    assert bursts.min() >= 0.1 and 1.5 < bursts.max() < 4
