import re

import zarr

from antdask.archive.readme import README
from antdask.archive.writer import PartWriter
from tests.batches import random_batch


def test_the_recipes_of_the_readme_work_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    batch = random_batch("events", "km3net_online", 20)
    with PartWriter("events", "km3net_online", {}) as writer:
        writer.append(batch)
        writer.finish(tmp_path / "….zarr.zip")
    recipe = re.search(r"\n    import zarr\n(?:    .+\n)+", README).group(0)
    names: dict = {}
    exec("\n".join(line[4:] for line in recipe.splitlines()), names)
    start, stop = batch.offsets["hits"][5:7]
    assert (names["tot_of_event_5"] == batch.tables["hits"]["tot"][start:stop]).all()
    import xarray

    call = re.search(r"`(xarray\.open_zarr\(.+?\))`", README).group(1)
    opened = eval(call, {"xarray": xarray, "zarr": zarr})
    assert (opened["tot"].values == batch.tables["hits"]["tot"]).all()
    assert opened["tot"].dims == ("hit",)
