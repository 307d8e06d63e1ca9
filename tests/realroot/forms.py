"""The forms in which real ROOT writes the same events: leaf arrays and vectors of structures, with every codec and several basket sizes."""

from __future__ import annotations

from tests.realroot.environment import compression

RUN = 45_001

FORMS = [
    {"name": f"{'leaf' if split is None else f'split{split}'}_{codec}{level}_{basket}.root", "split": split, "compression": compression(codec, level), "basket": basket, "flush": flush}
    for split in (None, 0, 1, 99)
    for codec, level, basket, flush in (("zlib", 1, 32_000, False), ("zlib", 1, 1_000_000, True), ("lzma", 1, 4000, False), ("lz4", 4, 32_000, False), ("zstd", 5, 2000, False), ("none", 0, 32_000, False))
]  # fmt: skip

#: The same events in shapes for which the maps beside this file stand.
SHAPES = [
    {
        "name": f"{shape}_{codec}_{basket}.root",
        "shape": shape,
        "compression": compression(codec, 1) if codec != "none" else 0,
        "basket": basket,
    }
    for shape in ("list", "vectors", "pointers")
    for codec, basket in (("zlib", 32_000), ("lz4", 2000), ("none", 4000))
]

#: The same events, saved on the way every 120 of them.
SAVED = [
    {"name": f"saved_{'leaf' if split is None else f'split{split}'}_{codec}.root", "split": split, "compression": compression(codec, level), "basket": 2000, "flush": False, "save": 120}
    for split in (None, 0, 99)
    for codec, level in (("zlib", 1), ("zstd", 5), ("none", 0))
]  # fmt: skip
