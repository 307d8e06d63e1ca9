"""The Python that the documentation shows runs as it stands, page by page, on the archive that `make demo` makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house import tree

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [name for name in tree.files() if name.endswith(".md") and BLOCK.search(tree.text(name))]


@pytest.mark.parametrize("name", PAGES)
def test_the_python_of_a_page_runs(name: str, archive: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "archive").symlink_to(archive)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in BLOCK.findall(tree.text(name)):
        exec(compile(block, name, "exec"), names)


def test_the_readme_shows_python() -> None:
    assert "README.md" in PAGES
