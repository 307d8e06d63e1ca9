"""A warning names the line that asked, whatever stands between."""

import pytest

from antdask.query.run_lists import UnlistedRunsWarning
from antdask.query.skipping import SkippedWarning
from antdask.query.warned import warn
from tests.batches import random_batch
from tests.query.archives import Entry, write_archive


def test_a_warning_points_at_this_file():
    with pytest.warns(UserWarning, match="look") as told:
        warn(UserWarning("look"))
    assert told[0].filename == __file__


def test_so_do_warnings_from_deep_inside(small, tmp_path):
    import antdask

    (tmp_path / "runs.txt").write_text("5 4711")
    with pytest.warns(UnlistedRunsWarning, match="4711") as unlisted:
        small.stream("events").select(run=str(tmp_path / "runs.txt"))
    url = write_archive(tmp_path / "a", [Entry(random_batch("events", "km3net_online", 20, seed=i), run=i) for i in range(2)])
    sorted((tmp_path / "a" / "parts").rglob("*.zip"))[0].unlink()
    events = antdask.open_archive(url).stream("events").select(on_missing="skip")
    with pytest.warns(SkippedWarning) as skipped:
        events.to_awkward(["n_hits"]), events.histogram("hits.tot"), list(events.iter_rows(["n_hits"]))
    assert {one.filename for one in (*unlisted, *skipped)} == {__file__} and len(skipped) == 3
