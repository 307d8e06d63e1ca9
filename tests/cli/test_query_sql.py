import json

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from antdask.cli import commands
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    batch = random_batch("events", "km3net_online", 50, seed=1, mean=3.0)
    return write_archive(tmp_path_factory.mktemp("sql") / "archive", [Entry(batch, run=3)]), batch


def ask(*words):
    return CliRunner().invoke(commands.main, ["query", *words])


def test_answers_come_in_every_format(archive, tmp_path):
    url, batch = archive
    query = "select run, count(*) n, sum(n_hits) total, 'nan'::double x from events group by run"
    row = {"run": 3, "n": 50, "total": int(batch.tables["events"]["n_hits"].sum(dtype="u8")), "x": None}
    assert json.loads(ask(url, "--sql", query, "--format", "json").output) == row
    assert ask(url, "--sql", query.replace(", 'nan'::double x", ""), "--format", "csv").output.splitlines()[0] == "run,n,total"
    assert ask(url, "--sql", "select frame_index from events", "--limit", "3").output.split() == ["frame_index", "0", "1", "2"]
    assert ask(url, "--sql", "select n_hits from events", "--format", "parquet", "-o", str(tmp_path / "a.parquet")).exit_code == 0
    assert pq.read_table(tmp_path / "a.parquet")["n_hits"].to_pylist() == batch.tables["events"]["n_hits"].tolist()


def test_what_it_costs_is_said_without_reading(archive):
    said = ask(archive[0], "--sql", "select n_hits from events where frame_index < 10", "--explain").output
    assert "stream   events" in said and "n_hits" in said and "parts    1 of 1" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sql", "select 1", "--stream", "events"], "a stream or an SQL query"),
        ([], "a stream or an SQL query"),
        (["--sql", "select 1", "--run", "3"], "says itself"),
        (["--sql", "drop table events"], "cannot be answered"),
    ],
)
def test_mixtures_and_nonsense_are_refused(archive, words, message):
    result = ask(archive[0], *words)
    assert result.exit_code != 0 and message in (result.output + str(result.exception))
