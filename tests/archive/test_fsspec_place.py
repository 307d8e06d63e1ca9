import uuid

import fsspec

from antdask.archive.fsspec_place import FsspecPlace


def test_a_place_of_fsspec_publishes_once_and_lists(tmp_path):
    place = FsspecPlace(fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}/")
    assert place.url.startswith("memory://") and place.is_empty() and not place.exclusive
    (tmp_path / "d").write_bytes(b"one")
    assert place.publish(tmp_path / "d", "p/x") and not place.publish(tmp_path / "d", "p/x")
    assert place.sizes("") == place.sizes("p") == {"p/x": 3} and place.sizes("z") == {} and not place.is_empty()
    assert place.holds("p/x", 3, 0) is None and place.holds("p/x", 4, 0) is False and place.sweep(lambda _: False) == 0
    place.remove("p/x")
    place.remove("p/x")
    place.prune("p")
    place.prune("p")
    assert place.size("p/x") is None
