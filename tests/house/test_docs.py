"""The documentation is true: generated pages equal the code, links lead somewhere, every page can be found."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from tests.house import map as house_map
from tests.house import tree

LINK = re.compile(r"\]\((?!\w+://|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
PAGES = house_map.pages()
MARKDOWN = [name for name in tree.files() if name.endswith(".md")]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_equals_the_code(name: str) -> None:
    assert (tree.ROOT / name).exists(), f"{name} is missing: run `make map`"
    assert tree.text(name) == PAGES[name], f"{name} is out of date: run `make map`"


@pytest.mark.parametrize("name", MARKDOWN)
def test_links_lead_somewhere(name: str) -> None:
    dead = [target for target in LINK.findall(tree.text(name)) if not (tree.ROOT / name).parent.joinpath(target).exists()]
    assert not dead


def test_every_page_can_be_found_from_the_index() -> None:
    seen: set[str] = set()
    waiting = ["README.md", "docs/README.md"]
    while waiting:
        name = waiting.pop()
        if name not in seen and name in tree.files():
            seen.add(name)
            waiting += [_resolve(name, target) for target in LINK.findall(tree.text(name)) if target.endswith(".md")]
    lost = [name for name in tree.files() if name.startswith("docs/") and name.endswith(".md") and name not in seen]
    assert not lost, "no page links here"


def _resolve(name: str, target: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / target).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def test_decision_records_are_numbered_once_and_listed() -> None:
    records = [name.rpartition("/")[2] for name in tree.files() if re.fullmatch(r"docs/decisions/\d{4}-[a-z0-9-]+\.md", name)]
    # Rooms have decades of their own, so that two people who decide at the same time do not take one number.
    assert len({name[:4] for name in records}) == len(records)
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", tree.text("docs/decisions/README.md"))
    assert listed == records
    others = [n for n in tree.files() if n.startswith("docs/decisions/") and n.rpartition("/")[2] not in {*records, "README.md"}]
    assert not others, "a record is named NNNN-title.md"


@pytest.mark.parametrize("name", [n for n in MARKDOWN if re.match(r"docs/decisions/\d", n)])
def test_a_decision_record_gives_decision_reason_and_consequences(name: str) -> None:
    headings = re.findall(r"^## (.+)$", tree.text(name), re.MULTILINE)
    assert {"Decision", "Reason", "Consequences"} <= set(headings)
