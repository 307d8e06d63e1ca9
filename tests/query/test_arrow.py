"""Arrow tables: nested and flat, with nulls and metadata."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from antdask.query.arrow import nested_table


def test_a_nested_table_says_the_same_as_awkward(small):
    stream = small.stream("events")
    table, rows = stream.to_arrow(), stream.to_awkward()
    assert table.num_rows == 310 and table.column_names == rows.fields
    for name in ("n_hits", "utc_ns", "trigger_mask"):
        assert table[name].to_pylist() == rows[name].tolist()
    first, second = table["hits"][0].as_py(), rows.hits[0].tolist()
    assert [{k: v for k, v in h.items() if v == v} for h in first] == [{k: v for k, v in h.items() if v == v} for h in second]
    assert (
        table["triggered_hits"].to_pylist()[:40] == [None] * 40 and table["triggered_hits"][40].as_py() == rows.triggered_hits[40].tolist()
    )


def test_fields_carry_unit_and_description(small):
    table = small.stream("events").to_arrow()
    assert table.schema.field("utc_ns").metadata[b"unit"] == b"ns" and table.schema.metadata[b"stream"] == b"events"
    hits = table.schema.field("hits").type.value_type
    assert hits.field("tdc").metadata[b"unit"] == b"ns" and b"leading edge" in hits.field("tdc").metadata[b"description"]
    assert small.stream("events").to_arrow("hits").schema.field("tdc").metadata[b"unit"] == b"ns"


def test_a_flat_table_has_one_row_per_hit(small, small_entries):
    table = small.stream("events").select(run=5).to_arrow("hits", ["hits.tot", "n_hits"])
    batch = small_entries[2].batch
    assert table.column_names == ["run", "frame_index", "trigger_counter", "events.n_hits", "tot"]
    assert table["tot"].to_pylist() == batch.tables["hits"]["tot"].tolist()
    assert table["frame_index"].to_pylist() == np.repeat(batch.tables["events"]["frame_index"], np.diff(batch.offsets["hits"])).tolist()


def test_nan_stays_nan_unless_null_is_asked_for(small):
    stream = small.stream("events").select(detector="antares")
    table = stream.to_arrow(columns=["charge_sum_pe"])
    assert table["charge_sum_pe"].null_count == 0 and np.isnan(table["charge_sum_pe"].to_numpy()).any()
    nulls = nested_table(next(stream.iter_rows(["charge_sum_pe"])), nan_is_null=True)
    assert nulls["charge_sum_pe"].null_count == np.isnan(table["charge_sum_pe"].to_numpy()).sum()
    both = nested_table(next(small.stream("events").iter_rows(["charge_sum_pe", "utc_ns"])), nan_is_null=True)
    assert both["utc_ns"].null_count == 40


def test_wide_columns_are_fixed_lists_and_survive_parquet(small, tmp_path):
    table = small.stream("rates").to_arrow()
    assert table.schema.field("frames").type.value_type.field("rate_code").type == pa.list_(pa.uint8(), 31)
    pq.write_table(table, tmp_path / "rates.parquet")
    assert pq.read_table(tmp_path / "rates.parquet")["frames"].to_pylist() == table["frames"].to_pylist()
