"""The text that every archive carries: how to read it without antdask."""

README = """\
# An antdask archive

Data of neutrino telescopes (ANTARES, KM3NeT), converted from their original files value by value.
You do not need antdask to read it. Everything here is JSON, Parquet, and Zarr version 3 in ZIP files whose members are stored, not compressed.

## Where things are

- `parts/<detector>/<stream>/<lineage>/<run>/<part>-<content>.zarr.zip`: the data. One file is one part of one run of one stream.
- `schema-*.json`: every stream, table and column, with type, unit and description.
- `catalogue/current.json` names the newest snapshot; `catalogue/<snapshot>/*.parquet` lists parts, blocks with their minima and maxima, runs, inputs
  and quarantined entries. Read the parts that the catalogue names, and of several lineages of a run those with `current`; ignore names that begin with a dot.
- `receipts/…json`: for each part, its size, CRC-32C, inputs, and the byte range of every shard. A part that stands in `superseded.parquet`, or in `supersedes` of
  another receipt, is there only until somebody clears it away: the other one holds the same rows.
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

Without any library: a ZIP member `<table>/<column>/c/<k>` is one shard. Its last bytes are an index: pairs of little-endian unsigned 64-bit numbers
(offset, length), one for each inner chunk, then four bytes of CRC-32C. Each inner chunk is the compressed data (zstd, or blosc with zstd inside, as
`zarr.json` says) followed by four bytes of CRC-32C. The last inner chunk is padded with zeros beyond the shape of the array. Where `zarr.json` names the codec `transpose` (counts
of optical modules), the values of a channel lie side by side in a chunk, and chunks hold groups of channels: their numbers run fastest over the groups.
"""
