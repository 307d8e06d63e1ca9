"""Tables as CSV, and endings that are none."""

from __future__ import annotations

import pandas as pd
import pytest

import antdask
from antdask.errors import UsageError
from antdask.export.laptop import rates_table
from tests.environment.conftest import built, product, truth  # noqa: F401 - fixtures


def test_csv_holds_the_same_as_the_dataset(built, tmp_path):  # noqa: F811
    found = antdask.open_archive(built).environment.open(level="1d", line=3)
    assert rates_table(found, tmp_path / "t.csv") == 150
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["n_valid"].sum() == int(found.n_valid.sum())
    assert table["rate"].to_numpy() == pytest.approx(found.rate.values.T.ravel(), rel=1e-5)


def test_another_ending_is_refused(built, tmp_path):  # noqa: F811
    with pytest.raises(UsageError):
        rates_table(antdask.open_archive(built).environment.open(level="1d"), tmp_path / "t.xlsx")
