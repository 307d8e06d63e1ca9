import importlib.metadata

from antdask.archive import documents, toolchain
from antdask.archive.store import Store


def test_an_environment_says_which_packages_made_a_part(tmp_path):
    store = Store(str(tmp_path))
    name = toolchain.keep(store)
    kept = documents.environment(store, name)
    assert kept == toolchain.describe() and toolchain.environment_id(kept) == name
    assert kept["packages"]["zarr"] == importlib.metadata.version("zarr")
    assert store.list("environments") == [f"environments/{name}.json"]
    assert toolchain.keep(store) == name


def test_the_container_is_part_of_the_environment(monkeypatch):
    without = toolchain.environment_id(toolchain.describe())
    monkeypatch.setenv("ANTDASK_CONTAINER", "sha256:0123")
    toolchain.describe.cache_clear()
    try:
        assert toolchain.describe()["container"] == "sha256:0123"
        assert toolchain.environment_id(toolchain.describe()) != without
    finally:
        toolchain.describe.cache_clear()


def test_equal_environments_differ_in_nothing():
    assert toolchain.differences(toolchain.describe(), toolchain.describe()) == []
