"""A part opens with plain zarr and xarray where antdask was never installed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from km3net_testdata import data_path

from antdask.archive import layout as lay
from antdask.archive.ledger import receipts
from antdask.archive.store import Store
from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan

READ = """
import json, sys
try:
    import antdask
    sys.exit("antdask is here")
except ImportError:
    pass
import xarray, zarr
path = sys.argv[1]
with zarr.storage.ZipStore(path, mode="r") as store:
    root = zarr.open_group(store, mode="r")
    sums = {f"{t}/{c}": int(a[...].astype("u8").sum()) for t, g in root.groups() for c, a in g.arrays()}
with zarr.storage.ZipStore(path, mode="r") as store:
    data = xarray.open_zarr(store, group="hits", consolidated=False)
    sums["xarray"] = int(data["tot"].astype("u8").sum())
    units = data["tdc"].attrs["units"]
print(json.dumps([sums, units]))
"""


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """The Python of a new environment that holds zarr and xarray, in the versions that this project pins."""
    uv = shutil.which("uv") or next(iter(Path(__file__).parents[2].glob(".tools/**/bin/uv")), None)
    assert uv, "uv is neither on PATH nor in .tools: run make"
    folder = tmp_path_factory.mktemp("stranger")
    pins = Path(__file__).parents[2] / "requirements.txt"
    subprocess.run([uv, "venv", "-q", "--no-project", "--python", sys.executable, folder / "venv"], check=True, cwd=folder)
    subprocess.run(
        [uv, "pip", "install", "-q", "--no-config", "--python", folder / "venv", "-c", pins, "zarr", "xarray"], check=True, cwd=folder
    )
    return folder / "venv" / "bin" / "python"


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_plain_zarr_and_xarray_read_every_column(stranger, tmp_path):
    convert(make_plan([data_path("online/KM3NeT_00000267_00025291_L1.root")], str(tmp_path / "a")), make_cluster("serial"))
    store = Store(str(tmp_path / "a"))
    receipt = next(r for r in receipts(store) if r.stream == "timeslices_l1")
    file = store.full(lay.part_file(receipt.part))
    answer = subprocess.run([stranger, "-I", "-c", READ, file], check=True, capture_output=True, text=True).stdout
    sums, units = json.loads(answer)
    from antdask.archive.reading import PartReader

    reader = PartReader(store, {"part": receipt.part, "arrays": receipt.arrays})
    for name in reader.names:
        table, _, column = name.partition("/")
        values = reader.offsets(table) if column == "offsets" else reader.column(table, column)
        assert sums[name] == int(values.astype("u8").sum()), name
    assert sums["xarray"] == sums["hits/tot"] and units == "ns" and receipt.hits > 400_000
