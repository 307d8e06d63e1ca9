"""Local names of inputs: links that lead nowhere are there, and names that could not be are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from antdask.sources.local_names import closed_folders, is_there, printable


def test_a_broken_link_is_there(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert is_there(str(tmp_path / "link"))


@pytest.mark.parametrize("name", ["gone", "x" * 300, "with\0nul", "file/below"])
def test_what_is_not_there_is_not_whatever_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert not is_there(f"{tmp_path}/{name}")


def test_folders_that_may_be_read_are_not_closed(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "odd[1]").mkdir()
    for pattern in ("*", "*/*/x.root", "**/x.root", "odd[1]", "gone/*"):
        assert closed_folders(f"{tmp_path}/{pattern}") == []


def test_bytes_that_are_not_utf8_are_shown_as_escapes() -> None:
    assert printable(os.fsdecode(b"caf\xe9")) == "caf\\xe9" and printable("café [1]") == "café [1]"
