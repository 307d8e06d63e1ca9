import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

import antdask
from antdask.archive.store import Store
from antdask.cli import commands
from antdask.errors import DamagedPartError, UnknownNameError, UsageError
from antdask.query.skipping import SkippedWarning
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive


def test_rows_of_a_stream_and_their_conditions(small, small_entries):
    found = small.sql("select run, n_hits from events where n_hits > 2000000000 and detector = 'km3net-44' order by n_hits")
    want = np.sort(np.concatenate([e.batch.tables["events"]["n_hits"] for e in small_entries[:3]]))
    assert found["n_hits"].to_pylist() == want[want > 2_000_000_000].tolist() and found.schema.names == ["run", "n_hits"]


def test_hits_are_flat_rows_with_their_keys(small, small_entries):
    found = small.sql(
        "select run, count(*) n, sum(tot) total from events_hits where tot >= 100 and run in (5, 7) group by run order by run"
    )
    tot = {5: small_entries[2:3], 7: small_entries[:2]}
    for run, row in zip((5, 7), found.to_pylist(), strict=True):
        values = np.concatenate([e.batch.tables["hits"]["tot"] for e in tot[run]]).astype(int)
        assert row == {"run": run, "n": int((values >= 100).sum()), "total": int(values[values >= 100].sum())}


def test_streams_are_joined_by_frame_run_table_and_time(tmp_path):
    events, rates = (random_batch(s, "km3net_online", 40, seed=i, mean=3.0) for i, s in enumerate(("events", "rates")))
    for batch in (events, rates):
        rows = next(iter(batch.tables.values()))
        rows["utc_ns"] = 1_500_000_000_000_000_000 + rows["frame_index"].astype(np.int64) * 100_000_000
    archive = antdask.open_archive(write_archive(tmp_path / "a", [Entry(events, run=3), Entry(rates, run=3)]))
    joined = archive.sql(
        "select frame_index, n_hits, rates.n_frames from events join rates using (detector, run, frame_index) join runs using (detector, run) order by 1"
    )
    assert (
        joined["frame_index"].to_pylist() == list(range(40)) and joined["n_hits"].to_pylist() == events.tables["events"]["n_hits"].tolist()
    )
    frames = archive.sql("select count(*) n from events join rates_frames using (run, frame_index)")
    assert frames["n"].to_pylist() == [rates.length("frames")]
    sea = pa.table({"utc_ns": 1_500_000_000_000_000_000 + np.arange(4) * 1_000_000_000, "current": [1.0, 2.0, 3.0, 4.0]})
    found = archive.sql("select frame_index, current from events asof join sea on events.utc_ns >= sea.utc_ns order by 1", sea=sea)
    assert found["current"].to_pylist() == [1.0 + i // 10 for i in range(40)]


def test_hits_of_a_run_are_not_paired_with_events_that_nothing_tells_apart(tmp_path):
    events = random_batch("events", "seatray", rows=20, seed=3)
    events.tables["events"]["frame_index"][:] = 0
    events.tables["events"]["trigger_counter"][:] = np.where(np.arange(20) < 15, -1, np.arange(20))
    archive = antdask.open_archive(write_archive(tmp_path / "archive", [Entry(events, detector="antares", run=3)]))
    hits = np.diff(events.offsets["hits"])
    joined = "from events join events_hits using (detector, run, frame_index, trigger_counter)"
    assert archive.sql(f"select count(*) n {joined}").to_pandas().n.tolist() == [hits[15:].sum()]
    nameless = "where trigger_counter is null"
    assert archive.sql(f"select count(*) n from events_hits {nameless}").to_pandas().n.tolist() == [hits[:15].sum()]
    assert archive.sql(f"select count(*) n, min(frame_index) f from events {nameless}").to_pandas().values.tolist() == [[15, 0]]
    assert archive.sql("select count(*) n from events where trigger_counter > 16").to_pandas().n.tolist() == [3]


def test_what_is_pushed_down_prunes(long, monkeypatch):
    (cost,) = long.explain_sql("select sum(n_hits) from events where frame_index between 65530 and 65540")
    assert (cost.blocks, cost.blocks_asked) == (2, 3) and "n_hits" in cost.columns and "hits.tot" not in cost.columns
    read = []
    original = Store.read
    monkeypatch.setattr(Store, "read", lambda *a: read.append(a[1]) or original(*a))
    assert long.explain_sql("select * from events_hits where tot > 3")[0].hits > 0
    assert not [path for path in read if path.startswith("parts")]


def test_a_selection_takes_the_place_of_its_stream(small):
    chosen = small.stream("events").select(run=5)
    assert small.sql("select count(*) n from events", events=chosen)["n"].to_pylist() == [60]
    found = small.sql("select count(*) n from mine_hits", mine=chosen)
    assert found["n"].to_pylist() == [chosen.count().hits]
    assert small.sql("select n_hits from events where run = 99").num_rows == 0


def test_what_cannot_be_answered_is_said(small):
    with pytest.raises(UsageError, match="cannot be answered"):
        small.sql("selekt 1")
    with pytest.raises(UsageError, match="n_hitz"):
        small.sql("select n_hitz from events")
    with pytest.raises(UnknownNameError, match="Did you mean 'events'"):
        small.sql("select * from event")
    with pytest.raises(UsageError, match="at most 10"):
        small.sql("select n_hits from events", max_bytes=10)


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('{secret}')",
        "select * from '{secret}'",
        "select content from read_text('{secret}')",
        "select * from read_blob('{secret}')",
        "select * from sniff_csv('{secret}')",
        "select * from glob('{folder}/*')",
        "select * from read_json('http://127.0.0.1:9/x')",
        "select * from query('from read_text(''{secret}'')')",
        "copy (select 1) to '{folder}/x.csv'",
        "export database '{folder}/x'",
        "import database '{folder}/x'",
        "attach '{folder}/x.db' as x",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false; set enable_external_access = true",
        "set temp_directory = '{folder}'",
        "set python_enable_replacements = true",
        "select getenv('HOME')",
        "select * from secret_frame",
        "drop table events",
        "insert into runs values (1)",
    ],
)
def test_a_query_reaches_nothing_but_its_tables(small, tmp_path, query):
    secret_frame = pa.table({"x": [1]})  # a variable of Python is no table
    (tmp_path / "secret.csv").write_text("word\nhush\n")
    assert secret_frame.num_rows
    with pytest.raises(UsageError) as refused:
        small.sql(query.format(secret=tmp_path / "secret.csv", folder=tmp_path))
    assert "hush" not in str(refused.value) and [p.name for p in tmp_path.iterdir()] == ["secret.csv"]


def test_a_query_can_ask_which_tables_there_are(small):
    names = small.sql("show tables")["name"].to_pylist()
    assert {"events", "events_hits", "rates", "rates_frames", "reco", "runs"} <= set(names) and "events_usr_names" not in names
    columns = small.sql("select column_name from information_schema.columns where table_name = 'events_hits'")["column_name"].to_pylist()
    assert {"run", "tot", "tdc", "charge_pe"} <= set(columns)
    with pytest.raises(UsageError, match="A query is a text"):
        small.sql(3)


def test_damage_comes_through_with_its_name(tmp_path):
    archive = antdask.open_archive(write_archive(tmp_path / "a", [Entry(random_batch("events", "km3net_online", 10), run=3)]))
    next((tmp_path / "a" / "parts").rglob("*.zip")).unlink()
    with pytest.raises(DamagedPartError, match="00000003"):
        archive.sql("select sum(overlays) from events")


def test_damage_is_left_out_and_counted_where_that_is_wished(tmp_path):
    entries = [Entry(random_batch("events", "km3net_online", 10, seed=i), run=i) for i in (3, 4)]
    archive = antdask.open_archive(write_archive(tmp_path / "a", entries))
    next(p for p in (tmp_path / "a" / "parts").rglob("*.zip") if "00000003" in str(p)).unlink()
    with pytest.warns(SkippedWarning, match="10 rows in 1 parts are left out"):
        assert archive.sql("select run, count(overlays) n from events group by run", on_missing="skip").to_pylist() == [{"run": 4, "n": 10}]
    with pytest.raises(UsageError, match="Unknown way"):
        archive.sql("select run from events", on_missing="ignore")
    result = CliRunner().invoke(commands.main, ["query", archive.url, "--sql", "select sum(overlays) s from events", "--skip-damaged"])
    assert result.exit_code == 0 and "warning: 10 rows in 1 parts are left out" in result.stderr
    assert int(result.stdout.split()[1]) == int(entries[1].batch.tables["events"]["overlays"].sum(dtype="u8"))
