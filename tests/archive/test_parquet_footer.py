import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from antdask.archive import parquet_footer
from antdask.errors import ArchiveError

TABLE = pa.table({"n": np.arange(3000), "word": [f"w{i % 7}" for i in range(3000)]})


def parquet(group_rows=100):
    sink = io.BytesIO()
    pq.write_table(TABLE, sink, row_group_size=group_rows, write_page_checksum=True)
    return sink.getvalue()


def read(data):
    return parquet_footer.read(io.BytesIO(data), "a.parquet")


@pytest.mark.parametrize("group_rows", [3000, 100, 3])
def test_a_sealed_file_is_parquet_like_any_other(group_rows):
    # The last one has a footer that does not fit into the first read.
    data = parquet_footer.sealed(parquet(group_rows))
    assert pq.read_table(pa.BufferReader(data)).equals(TABLE)
    assert read(data).num_row_groups == -(-3000 // group_rows) == pq.read_metadata(pa.BufferReader(data)).num_row_groups
    assert parquet_footer.read(pa.BufferReader(data), "a.parquet").num_rows == 3000


def test_every_bit_of_a_footer_counts():
    plain = parquet(1000)
    data = parquet_footer.sealed(plain)
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for place in range(start, len(data)):
        with pytest.raises(ArchiveError, match=r"damaged: .*a\.parquet"):
            read(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
    for cut in (0, 3, 8, start, len(data) - 1):
        with pytest.raises(ArchiveError, match=r"a\.parquet"):
            read(data[:cut])


def test_a_file_of_an_earlier_version_has_no_seal():
    assert read(parquet()).num_rows == 3000
