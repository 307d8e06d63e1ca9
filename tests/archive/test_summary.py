import pyarrow as pa

from antdask.archive.summary import summaries


def test_streams_are_ranges_of_rows_with_their_sums():
    rows = [
        ("events", "antares", 5, 10, 100, None),
        ("events", "antares", 6, 20, 200, None),
        ("rates", "km3net-44", 6, 1, 0, 1_500_000_000_000_000_000),
    ]
    parts = pa.Table.from_pylist(
        [
            {"current": True, "stream": s, "detector": d, "run": r, "rows": n, "hits": h, "utc_min": t, "utc_max": t, "lineage": "aa"}
            | dict.fromkeys(("entries", "lost", "nbytes", "bytes_in"), 7)
            for s, d, r, n, h, t in rows
        ]
    )
    found = summaries(parts, pa.table({"code": ["corrupt", "corrupt", "layout"]}))
    events = found["streams"]["events"]
    assert (events["start"], events["stop"], events["rows"], events["hits"], events["runs"], events["first_utc"]) == (0, 2, 30, 300, 2, "")
    assert found["streams"]["rates"]["start"] == 2 and found["streams"]["rates"]["first_utc"].startswith("2017-07-14T02:40:00")
    assert found["total"]["runs"] == 3 and found["total"]["nbytes"] == 21 and found["quarantine"] == {"corrupt": 2, "layout": 1}
