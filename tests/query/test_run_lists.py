"""Lists of good runs in every form, and what is said about runs that are not in the archive."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from antdask.cli import commands
from antdask.errors import UnknownNameError, UsageError
from antdask.query.run_lists import RunList, UnlistedRunsWarning

TEXTS = {
    "words.txt": "# good runs\n5 7\n\n",
    "commas.txt": "5,7",
    "ranges.txt": "5:6\n7:8  # the second",
    "excel.csv": "\ufeffrun;quality\r\n5;1\r\n7;2\r\n",
    "table.csv": "# made by hand\nrun,detector\n5,km3net-44\n7,km3net-44\n",
    "tabs.tsv": "quality\trun\n1\t5\n1\t7\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_of_runs_selects_them(small, small_entries, tmp_path, name):
    (tmp_path / name).write_text(TEXTS[name], newline="")
    found = small.stream("events").select(detector="km3net-44", run=str(tmp_path / name))
    assert found.count().rows == 270 and RunList.of(tmp_path / name).runs.tolist() == [5, 7]


def test_tables_select_runs_of_their_detectors(small, tmp_path):
    events = small.stream("events")
    both = pd.DataFrame({"run": [7.0, 5.0, 7.0], "detector": ["antares", "km3net-44", "antares"]})
    pq.write_table(pa.Table.from_pandas(both.astype({"run": "u4"})), tmp_path / "runs.parquet")
    for source in (both, pa.Table.from_pandas(both), both.set_index("run"), tmp_path / "runs.parquet"):
        assert events.select(run=source).count().rows == 40 + 60
    for source in (both["run"], pd.Index([5, 7]), pa.table({"run": [5, 7]})):
        assert events.select(run=source).count().rows == 310


def test_runs_that_are_not_there_are_counted(small, tmp_path):
    (tmp_path / "good.txt").write_text("5 6 7 8 9 10 4294967295")
    with pytest.warns(UnlistedRunsWarning, match=r"5 of 7 listed runs are not there \(6, 8, 9 …\).*good\.txt"):
        found = small.stream("events").select(run=tmp_path / "good.txt")
    assert found.count().rows == 310 and "7 runs of" in repr(found) and "5 of 7 listed" in str(found.explain(["n_hits"]))
    pairs = pd.DataFrame({"run": [7, 5], "detector": ["antares", "antares"]})
    with pytest.warns(UnlistedRunsWarning, match=r"1 of 2 listed runs is not there \(antares 5\)"):
        assert small.stream("events").select(run=pairs).count().rows == 40
    assert "1 of 2 listed runs is not there (6)" in repr(small.stream("events").select(run=[5, 6]))
    assert "listed" not in repr(small.stream("events").select(run=[5, 7]))


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("5 seven", UsageError, "'seven'"),
        ("run_number\n5\n", UnknownNameError, "run_number"),
        ("run\nfive\n", UsageError, "Runs are integers"),
        ("run\n-5\n", UsageError, "from 0 to"),
        ("5000000000", UsageError, "from 0 to"),
        ("run,x\n5\n", UsageError, "Not a table"),
        ("run,detector\n5,\n", UsageError, "has no detector|detector"),
        ("0:4294967296", UsageError, "from 0 to"),
    ],
)
def test_what_is_no_list_is_said(small, tmp_path, text, error, message):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(error, match=message):
        small.stream("events").select(run=tmp_path / "list.txt")


def test_files_that_are_none(small, tmp_path):
    with pytest.raises(UsageError, match="file that lists runs, which is not there"):
        small.stream("events").select(run="6633")
    (tmp_path / "binary").write_bytes(bytes(range(128, 256)))
    (tmp_path / "torn.parquet").write_bytes(b"PAR1" + bytes(100))
    for name in ("binary", "torn.parquet"):
        with pytest.raises(UsageError, match="Not a"):
            small.stream("events").select(run=tmp_path / name)
    (tmp_path / "empty").write_text("# none\n")
    assert small.stream("events").select(run=tmp_path / "empty").count().rows == 0
    with pytest.raises(UsageError, match="no run"):
        small.stream("events").select(run=pd.DataFrame({"run": [5, np.nan]}))


def test_the_shell_takes_a_list_too(small, tmp_path):
    (tmp_path / "good.txt").write_text("5\n6\n")
    result = CliRunner().invoke(
        commands.main, ["query", small.url, "--stream", "events", "--runs-from", str(tmp_path / "good.txt"), "--count"]
    )
    assert result.exit_code == 0 and "60 rows" in result.output and "1 of 2 listed runs is not there (6)" in result.output
