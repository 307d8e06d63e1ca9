"""The text that every archive carries: how to read it without antdask."""

README = '''\
# An antdask archive

Data of neutrino telescopes (ANTARES, KM3NeT), converted from their original files value by value.
You do not need antdask to read it. Everything here is JSON, Parquet, and Zarr version 3 in ZIP files whose members are stored, not compressed.

## Where things are

- `parts/<detector>/<stream>/<lineage>/<run>/<part>-<content>.zarr.zip`: the data. One file is one part of one run of one stream.
- `schema-*.json`: every stream, table and column, with type, unit and description.
- `catalogue/current.json` names the newest snapshot; `catalogue/<snapshot>/*.parquet` lists parts, blocks with their minima and maxima, runs, inputs
  and quarantined entries. Read the parts that the catalogue names, and of several lineages of a run those with `current`; ignore names that begin with a dot.
- `receipts/…json`: for each part, its size, CRC-32C, inputs, and the byte range of every shard; `seal` is the CRC-32C of `{` and all that follows it.
  A part that stands in `superseded.parquet`, or in `supersedes` of another receipt, is there only until somebody clears it away: the other one holds the same rows.
- `plans/`, `lineages/`, `steps/`, `environments/`: how the parts were made, and with what. `choices/`: which lineage is the current one.

## What a part holds

One group per table. The first table has one row per event, slice, track or module. A ragged table below it has an array `offsets`, int64, one longer than
its parent: the rows of parent row i are `offsets[i]` up to, not including, `offsets[i + 1]`. Attributes of each array give `long_name`, `units`, and what
counts as missing. The attribute `awkward_form` of the root wraps all arrays into one nested array, see below.
A column that a source did not give is absent. It is never filled with zeros.

Times named `utc_ns` are nanoseconds since 1970-01-01T00:00:00 UTC, every day counted as 86,400 s. `frame_index`, `run` and `trigger_counter` are the key of an event;
none of them alone is unique, and run numbers of different detectors coincide.

## Reading it

With Python and zarr 3:

    import zarr
    root = zarr.open_group(zarr.storage.ZipStore("….zarr.zip", mode="r"), mode="r")
    offsets = root["hits/offsets"][:]
    tot_of_event_5 = root["hits/tot"][offsets[5]:offsets[6]]

With xarray: `xarray.open_zarr(zarr.storage.ZipStore("….zarr.zip", mode="r"), group="hits", consolidated=False)`.

With awkward: `ak.from_buffers(json.dumps(root.attrs["awkward_form"]), root.attrs["rows"], {path: root[path][:] for path in paths}, buffer_key="{form_key}")`,
where `paths` are all arrays, as `table/column`.

Without any library but NumPy and a decompressor for Zstandard (RFC 8878):

    import json, math, struct, zipfile
    import numpy as np
    from compression.zstd import decompress  # Python 3.14 and later; any other decompressor does

    def read(part, path):
        """All values of the array `path`, e.g. "hits/tot", of a part."""
        with zipfile.ZipFile(part) as members:
            array = json.loads(members.read(f"{path}/zarr.json"))
            sharding = array["codecs"][0]["configuration"]
            shape, chunk = array["shape"], sharding["chunk_shape"]
            shard, codecs = array["chunk_grid"]["configuration"]["chunk_shape"], [codec["name"] for codec in sharding["codecs"]]
            grid = [s // c for s, c in zip(shard, chunk)]  # of the chunks in a shard, the last dimension fastest
            values = np.zeros([-(-shape[0] // shard[0]) * shard[0], *shape[1:]], np.dtype(array["data_type"]).newbyteorder("<"))
            for number in range(-(-shape[0] // shard[0])):
                data = members.read(f"{path}/c/{number}" + "/0" * (len(shape) - 1))
                index = np.frombuffer(data, "<u8", 2 * math.prod(grid), len(data) - 16 * math.prod(grid) - 4).reshape(-1, 2).tolist()
                for k, (offset, length) in enumerate(index):
                    if offset == 2**64 - 1:  # no such chunk: beyond the end of the array
                        continue
                    packed = data[offset : offset + length - 4]
                    found = np.frombuffer(unpack(packed) if "blosc" in codecs else decompress(packed), values.dtype)
                    found = found.reshape(chunk[::-1]).T if "transpose" in codecs else found.reshape(chunk)
                    first = [int(i) * c for i, c in zip(np.unravel_index(k, grid), chunk)]
                    first[0] += number * shard[0]
                    values[tuple(slice(f, f + c) for f, c in zip(first, chunk))] = found
            return values[: shape[0]]

    def unpack(packed):
        """The bytes behind a chunk of Blosc (format 2, with Zstandard inside)."""
        flags, width = packed[2], packed[3]
        size, block = struct.unpack_from("<II", packed, 4)
        if flags & 2:  # stored as they are
            return packed[16 : 16 + size]
        assert flags >> 5 == 4 and flags & 16  # Zstandard, one stream for each block
        blocks = []
        for number in range(-(-size // block)):
            (at,) = struct.unpack_from("<I", packed, 16 + 4 * number)
            (length,) = struct.unpack_from("<I", packed, at)
            n = min(block, size - number * block)
            stream = packed[at + 4 : at + 4 + length]
            plain = np.frombuffer(stream if length == n else decompress(stream), np.uint8)
            rows = n // width
            if flags & 4 and rows % 8 == 0:  # bit k of all elements, then bit k + 1 of all
                plain = np.packbits(np.unpackbits(plain, bitorder="little").reshape(8 * width, rows).T, bitorder="little")
            elif flags & 1:  # byte k of all elements, then byte k + 1 of all
                plain = np.concatenate([plain[: rows * width].reshape(width, rows).T.ravel(), plain[rows * width :]])
            blocks.append(plain.tobytes())
        return b"".join(blocks)

In words: a ZIP member `<table>/<column>/c/<k>` (`c/<k>/0` where each row holds several values) is one shard, which holds rows `k * shard` up to `(k + 1) * shard`. Its last bytes
are an index: pairs of little-endian unsigned 64-bit numbers (offset, length), one for each inner chunk, 2^64-1 where there is none, then four bytes of CRC-32C. Each inner chunk is the
compressed data (zstd, or blosc with zstd inside, as `zarr.json` says) followed by four bytes of CRC-32C. The last inner chunk is padded with zeros beyond the shape of the
array; an array without rows has no shard. Where `zarr.json` names the codec `transpose` (counts of optical modules), the values of a channel lie side by side in a chunk, and
chunks hold groups of channels: their numbers run fastest over the groups.

## Which parts to read, without Parquet

All that the catalogue knows is in JSON, too. Take every part that has a receipt, and leave out
- those that the `supersedes` of another receipt names, and those that `retires` in `header.json` of a plan (`plans/<id>.zip`) names, once all parts of that plan have receipts.
  They stand in `parts/*.json` of the ZIP: `key` gives the words of the path, `content` behind a hyphen and a `generation` other than 0 behind `.r`;
- of several lineages of a run (same stream, detector and run) all but the current one: that which the last file of `choices/`, by name, says that fits stream and run (`runs` null: all)
  and has parts there; where none fits, those whose `lineages/<id>.json` has no `step`.

## What is not there

`quarantined` in a receipt lists entries of the input that could not be read, with the reason; `rejected` in `header.json` of a plan lists whole files. Their values are nowhere in the
archive: rows that are missing are missing, and nothing stands in their place. Which entry of which input a row comes from say its columns `source_input` (a number of `inputs` in the
receipt, and in `zarr.json` of the part) and `source_entry`.
Inside of rows, `missing` of a column says in words which value stands for "not known". Bits and codes are explained by `flag_masks` and `flag_meanings`, or in `long_name`.
Texts are bytes as the source has them (mostly ASCII), one row for each, in a table of their own: its `offsets` say which belong to whom.

`environment/`, where it exists, holds series that were made from these parts and can be made again; `reports/` pages for people.
'''
