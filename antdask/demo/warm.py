"""``python -m antdask.demo.warm``: what is compiled when it is first needed is compiled now, so that the first question is answered at once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from antdask.query.archive import open_archive
from antdask.simulate import SimulationSpec, simulate


def warm() -> int:
    """Archive a small simulated run in a folder for temporary files, and ask it; the number of its events that were found."""
    with tempfile.TemporaryDirectory(prefix="antdask-warm-") as folder:
        files = [str(path) for path in simulate(SimulationSpec(events=40), Path(folder) / "simulated")]
        url = str(Path(folder) / "archive")
        with make_cluster("serial") as here:
            convert(make_plan(files, url), here)
        archive = open_archive(url)
        events = archive.stream("events")
        events.to_awkward()
        events.select(where="hits.avc > 40 and n_hits > 3").histogram({"hits.avc": (64, 0, 256), "hits.tvc": (10, 0, 256)})
        events.select(where="n_hits > 3").histogram("hits.avc")
        archive.stream("rates").to_pandas()
        return int(events.count().rows)


if __name__ == "__main__":
    warm()
