"""Every module has its test module at the same place under tests/."""

from __future__ import annotations

from tests.house import tree


def test_tests_mirror_the_package() -> None:
    missing = []
    for name in tree.modules("antdask"):
        folder, _, last = name.removeprefix("antdask").rpartition("/")
        if last not in {"__init__.py", "__main__.py"}:
            wanted = f"tests{folder}/test_{last.lstrip('_')}"
            if wanted not in tree.files():
                missing.append(f"{name} has no {wanted}")
    assert not missing
