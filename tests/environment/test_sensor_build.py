"""The product of sensors: units, flags across months, duplicates told; the same again, and only what is new."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

import antdask
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.environment.quality import QualitySpec
from antdask.environment.sensor_build import build_sensors
from antdask.environment.sensor_info import SensorInfo
from antdask.environment.sensors import SensorProduct
from antdask.environment.vocabulary import TERMS
from antdask.errors import UnknownNameError, UsageError
from tests.environment.readings_archive import COLOUR, DIRECTION, SPEED, SPIKE, START, STEP, TEMPERATURE, archive_of_readings, truth
from tests.environment.sea import archive_of, counts_batch, quiet

STRANGE = "IL07/MII/temperature"


def made(url, described=None, cluster="serial"):
    with make_cluster(cluster, 1) as place:
        return build_sensors(str(url), place, described)


def digests(url):
    root = Path(url) / "environment"
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    return archive_of_readings(tmp_path_factory.mktemp("readings"))


@pytest.fixture
def archive(converted, tmp_path):
    """A copy, since every test makes products in it."""
    return str(shutil.copytree(converted, tmp_path / "archive"))


def test_readings_come_with_units_flags_and_counts(archive):
    summary = made(archive)
    assert (summary.sensors, summary.unknown, summary.months, summary.months_built) == (5, 1, 2, 2)
    assert summary.duplicates == 20 * 3
    assert summary.exit_code == 0
    environment = antdask.open_archive(archive).environment
    table = environment.sensors
    assert table.loc[SPEED, ["code", "unit", "n", "duplicates"]].tolist() == ["CSPD", "m s-1", len(truth()), 20]
    assert str(table.loc[SPEED, "first"]) == "2010-03-01 00:00:00+00:00"
    assert table.loc[COLOUR, "long_name"] == "of unknown kind"
    found = environment.open(TEMPERATURE, level="raw")
    # 19 degrees are within the gross range of the sea, which is all that is tested if nothing is said of the sensor.
    assert (found.TEMP_QC.values == 1).all()
    np.testing.assert_allclose(found.TEMP.values, truth()[TEMPERATURE], atol=1e-6)
    assert found.attrs["source"] == "slow control of archive"


def test_a_description_adds_tests_and_what_is_known_of_a_sensor(archive):
    first = made(archive).product
    info = SensorInfo(TEMPERATURE, TERMS["TEMP"], 2200.0, quality=QualitySpec((10, 30), spike=(0.5, 2.0)))
    second = made(archive, {TEMPERATURE: info})
    assert second.product != first
    found = antdask.open_archive(archive).environment.open(TEMPERATURE, level="raw")
    assert found.TEMP_QC.values[SPIKE] == 4
    assert (found.TEMP_QC.values == 1).sum() >= len(truth()) - 3
    assert found.TEMP.attrs["sensor_depth"] == 2200.0
    # What was said once holds until something else is said.
    assert made(archive).product == second.product


def test_tests_look_over_the_end_of_a_month(tmp_path):
    head = "# site: antares\ntime,sensor,value,unit\n"
    days = ["2010-03-31T23:58", "2010-03-31T23:59", "2010-04-01T00:00", "2010-04-01T00:01"]
    (tmp_path / "t.csv").write_text(
        head + "".join(f"{t}:00Z,{TEMPERATURE},{v},degC\n" for t, v in zip(days, (13.2, 16.2, 13.2, 13.2), strict=True))
    )
    with make_cluster("serial") as cluster:
        convert(make_plan([str(tmp_path / "t.csv")], str(tmp_path / "a")), cluster)
    made(tmp_path / "a", {TEMPERATURE: SensorInfo(TEMPERATURE, TERMS["TEMP"], quality=QualitySpec((10, 30), spike=(0.5, 2.0)))})
    found = antdask.open_archive(str(tmp_path / "a")).environment.open(TEMPERATURE, level="raw")
    # The last reading of March has a neighbour in April only.
    assert found.TEMP_QC.values[1] == 4


def test_a_unit_that_nothing_is_known_of_keeps_its_readings_apart(archive):
    made(archive)
    product = SensorProduct.open(Store(archive))
    about = product.index[STRANGE]
    assert about["strange"] == about["n"] > 0
    assert not len(product.read(STRANGE, 0, 2**62)[0])


def test_a_second_build_does_nothing_and_a_rebuild_gives_the_same_bytes(archive):
    made(archive)
    before = digests(archive)
    assert made(archive).months_built == 0
    product = SensorProduct.open(Store(archive))
    product.store.remove(product.receipt_file(201004))
    assert made(archive, cluster="processes").months_built == 1
    assert digests(archive) == before


def test_new_readings_change_their_month_only(archive, tmp_path):
    made(archive)
    before = digests(archive)
    (tmp_path / "more.csv").write_text(f"# site: antares\ntime,sensor,value,unit\n2010-05-20T00:00:00Z,{SPEED},7,cm/s\n")
    with make_cluster("serial") as cluster:
        convert(make_plan([str(tmp_path / "more.csv")], archive), cluster)
    summary = made(archive)
    assert (summary.months_built, summary.months) == (1, 3)
    changed = {p for p in before if digests(archive)[p] != before[p]}
    assert {p.rpartition("/")[2] for p in changed} == {"sensors.json"}
    assert antdask.open_archive(archive).environment.sensors.loc[SPEED, "n"] == len(truth()) + 1


def test_sensors_are_opened_joined_and_averaged(archive):
    made(archive)
    environment = antdask.open_archive(archive).environment
    auto = environment.open(SPEED)
    assert auto.attrs["level"] == "1h" and auto.sizes["time"] == 42 * 24
    assert "level" not in environment.open(SPEED, time="2010-03-02/2010-03-03").attrs
    at = START + np.array([0, 10, 2100 * 6]) * 60 * 10**9
    values = environment.at(SPEED, at, tolerance="1h")
    # The last lies in the gap.
    known = truth().set_index("utc_ns")[SPEED]
    assert values[:2] == pytest.approx([known[START], known[START + STEP]], abs=1e-7)
    assert np.isnan(values[2])
    assert not np.isnan(environment.at(SPEED, at)).any()
    mean, n = environment.over(SPEED, at[:1], at[:1] + 10 * STEP)
    assert n.tolist() == [10]
    assert mean[0] == pytest.approx(known.iloc[:10].mean(), abs=1e-7)
    assert set(environment.open(DIRECTION, level="1d").data_vars) == {"CDIR", "CDIR_N"}
    for bad, error in ((lambda: environment.open("IL07/none"), UnknownNameError), (lambda: environment.open(COLOUR), UsageError), (lambda: environment.open(SPEED, line=3), UsageError)):  # fmt: skip
        with pytest.raises(error):
            bad()


def test_an_archive_without_readings_says_so(tmp_path):
    url = archive_of(tmp_path / "a", [(7, counts_batch(quiet(3)))])
    with pytest.raises(UsageError, match="no readings"):
        made(url)
    assert antdask.open_archive(url).environment.sensors.empty
