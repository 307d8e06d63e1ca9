import pytest
import xarray as xr

from antdask.errors import UsageError
from antdask.query.backend import AntdaskBackend


def test_xarray_opens_a_stream_by_itself(small, small_entries):
    found = xr.open_dataset(small.url, engine="antdask", stream="rates", columns=["frames.rate_code"])
    batch = small_entries[6].batch
    assert (found["frames_rate_code"].to_numpy() == batch.tables["frames"]["rate_code"]).all()
    assert found.sizes["slice"] == 50 if "slice" in found.sizes else len(found["run"]) == 50
    narrow = xr.open_dataset(small.url, engine=AntdaskBackend, stream="events", select={"run": 5}, drop_variables="n_hits")
    assert len(narrow["run"]) == 60 and "n_hits" not in narrow and narrow["hits_tot"].attrs["units"] == "ns"


def test_what_is_no_archive_is_not_guessed_to_be_one(small, tmp_path):
    backend = AntdaskBackend()
    assert backend.guess_can_open(small.url) and not backend.guess_can_open(str(tmp_path)) and not backend.guess_can_open("s3://a@b:c")
    with pytest.raises(UsageError, match="Say which stream"):
        xr.open_dataset(small.url, engine="antdask")


def test_several_streams_make_a_tree(small):
    tree = small.to_xarray(["events", "rates"], run=5)
    assert set(tree.children) == {"events", "rates"} and len(tree["events/run"]) == 60 and len(tree["rates/run"]) == 50
    assert "n_hits" in small.to_xarray({"events": ["n_hits"]}, run=5)["events"]
