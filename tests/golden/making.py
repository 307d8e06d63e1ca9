"""Make the golden archive of today's writer: ``python -m tests.golden.making tests/golden/archive-1.0-writer2.zip``; once for each version of schema or writer, and never again."""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from pathlib import Path

from km3net_testdata import data_path

from antdask.cluster import make_cluster
from antdask.convert.campaign import convert
from antdask.convert.scan import make_plan
from tests.conftest import REAL_FILES
from tests.golden.test_golden import FILES

#: What is kept of an archive: what names no machine, and is not made anew from the rest.
KEPT = ("README.md", "antdask.json", "lineages/*.json", "parts/**/*.zip", "receipts/**/*.json")


def make(target: Path) -> None:
    """Convert the files and keep parts, receipts and what explains them."""
    with tempfile.TemporaryDirectory() as folder, make_cluster("serial") as cluster:
        names = {Path(name).name: name for name in REAL_FILES}
        convert(make_plan([str(data_path(names[name])) for name in FILES], f"{folder}/a"), cluster)
        root = Path(folder, "a")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(p for pattern in KEPT for p in root.glob(pattern)):
                data = path.read_bytes()
                if path.parts[len(root.parts)] == "receipts":
                    data = json.dumps({**json.loads(data), "work": {"cpu_seconds": 0.0, "seconds": 0.0}}, sort_keys=True).encode()
                file.writestr(zipfile.ZipInfo(str(path.relative_to(root)), (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
