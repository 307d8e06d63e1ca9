import json

import numpy as np
import pytest

from antdask.archive import layout as lay
from antdask.model.tables import SCHEMAS


@pytest.mark.parametrize("rows", [0, 1, 5, 65_536, 65_537, 64 * 65_536, 64 * 65_536 + 1])
def test_chunks_fill_shards_and_shards_cover_the_array(rows):
    layout = lay.array_layout("t/c", np.dtype("u4"), (rows,), "integer", ("x",), {})
    assert layout.shard[0] % layout.chunk[0] == 0
    assert layout.n_shards * layout.shard[0] >= rows
    assert rows == 0 or (layout.n_shards - 1) * layout.shard[0] < rows


def test_wide_rows_get_fewer_rows_a_chunk():
    layout = lay.array_layout("t/c", np.dtype("u1"), (10**6, 31), "amplitude", ("x", "channel"), {})
    assert layout.chunk == (2048, 31) and layout.shard[1:] == (31,)
    assert layout.shard_name(2) == "t/c/c/2/0"


def test_a_series_is_cut_into_groups_of_channels_and_says_that_its_chunks_lie_transposed():
    layout = lay.array_layout("slices/count", np.dtype("u4"), (34_332, 900), "series", ("slice", "om_slot"), {})
    assert layout.chunk == (4096, 75) and layout.shard == (9 * 4096, 900) and layout.groups == 12 and layout.chunks_per_shard == 108
    inner = layout.metadata()["codecs"][0]["configuration"]["codecs"]
    assert inner[0] == {"name": "transpose", "configuration": {"order": [1, 0]}} and lay.codec_kind(inner) == "series"
    assert lay.array_layout("t/c", np.dtype("u4"), (10**6, 900), "series", ("x", "y"), {}).shard == (65_536, 900)


@pytest.mark.parametrize(
    ("codec", "kind"),
    [
        ({"name": "zstd", "configuration": {"level": 1, "checksum": False}}, "amplitude"),
        (
            {"name": "blosc", "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "bitshuffle", "typesize": 4, "blocksize": 0}},
            "integer",
        ),
        ({"name": "blosc", "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "shuffle", "typesize": 8, "blocksize": 0}}, "real"),
    ],
)
def test_compressors_of_the_first_writer_are_known(codec, kind):
    assert lay.codec_kind([{"name": "bytes"}, codec, {"name": "crc32c"}]) == kind


@pytest.mark.parametrize(
    ("kind", "dtype", "shuffle", "level"),
    [("integer", "u1", "bitshuffle", 1), ("integer", "u2", "shuffle", 2), ("integer", "i8", "shuffle", 2), ("real", "f8", "shuffle", 1), ("series", "u1", "shuffle", 2)],
)  # fmt: skip
def test_shuffles_fit_the_width_of_numbers(kind, dtype, shuffle, level):
    how = lay.codec_metadata(kind, np.dtype(dtype))["configuration"]
    assert (how["shuffle"], how["clevel"], how["typesize"]) == (shuffle, level, np.dtype(dtype).itemsize)


def test_every_schema_is_plain_json_with_every_field():
    document = json.loads(json.dumps(lay.schema_document(SCHEMAS)))
    fields = document["streams"]["events"]["tables"][1]["fields"]
    assert {f["name"] for f in fields} == {f.name for f in SCHEMAS["events"].table("hits").fields}


def test_the_awkward_form_names_every_array_of_a_part():
    text = json.dumps(lay.awkward_form(SCHEMAS["timeslices"], "km3net_online"))
    assert '"hits/offsets"' in text and '"frames/offsets"' in text and '"hits/tot"' in text and '"slices/run"' in text


def test_attributes_say_unit_meaning_and_what_is_missing():
    attributes = lay.field_attributes(SCHEMAS["reco"].rows.field("x"))
    assert attributes["units"] == "m" and "missing" in attributes and attributes["long_name"]
    assert lay.field_attributes(SCHEMAS["rates"].table("frames").field("flags"))["flag_masks"] == [1, 2, 4]
