import pytest

from antdask.errors import UnknownNameError
from antdask.protocols import Registry


def test_a_builtin_thing_is_loaded_when_asked_for():
    registry: Registry[object] = Registry(
        "thing", "antdask.things", {"parse": "antdask.model.time:parse_utc", "absent": "antdask.nowhere:x"}
    )
    assert registry.names() == ["parse", "absent"]
    assert registry.get("parse")("1970-01-01") == 0


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UnknownNameError, match="parse"):
        Registry("thing", "antdask.things", {"parse": "a:b"}).get("pars")
