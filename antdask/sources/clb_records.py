"""Packets that central logic boards of KM3NeT modules send (UDP, as dumped): their layouts, and their decoding into columns.

Before each packet stands its length, little-endian and without itself; the packet is big-endian and packed::

    packet      length u4 | tag 4 | run udp_sequence seconds ticks dom_id status u4 | body
    TTDC        n x (channel u1 | time u4 | time over threshold u1), to the end of the packet
    TMCH        fifo status3 status4 u4 | 31 rates u4 | high_rate_veto packet_flags u4 | yaw pitch roll f4 | 3 x 3 f4 (acceleration, gyroscope, magnetometer)
                temperature humidity u2 | tdc_full acoustics_full flushes slice_duration u4 | tdc_fifo_size acoustics_fifo_size u2
    TAES        samples of the acoustic sensor: not decoded

Facts from km3pipe (``io/clb.py``, ``io/daq.py``), checked on the files of km3net-testdata: every byte of every packet is accounted for.
"""

from __future__ import annotations

import numpy as np

from antdask.model.ragged import Columns, offsets_of
from antdask.sources.controlhost_records import HIT, Decoded, Records, channel_bits
from antdask.sources.km3net_records import POSSIBLE, gather, native, ones, possible

HITS, MONITORING, ACOUSTICS = b"TTDC", b"TMCH", b"TAES"
_TICKS_PER_SECOND = 62_500_000  # of 16 ns

HEAD = np.dtype(
    [
        ("length", "<u4"),
        ("tag", "S4"),
        *((n, ">u4") for n in ("run", "udp_sequence", "seconds", "ticks")),
        ("dom_id", ">i4"),
        ("status", ">u4"),
    ]
)
MONITOR = np.dtype(
    [
        *HEAD.descr,
        *((name, ">u4") for name in ("fifo", "status3", "status4")),
        ("rate", ">u4", (31,)),
        *((name, ">u4") for name in ("high_rate_veto", "packet_flags")),
        *((name, ">f4") for name in ("yaw", "pitch", "roll")),
        *((name, ">f4", (3,)) for name in ("acceleration", "turning_rate", "magnetic_field")),
        *((name, ">u2") for name in ("temperature", "humidity")),
        *((name, ">u4") for name in ("tdc_full", "acoustics_full", "flushes", "slice_duration")),
        *((name, ">u2") for name in ("tdc_fifo_size", "acoustics_fifo_size")),
    ]
)
#: What stands before the tag, and is not archived: the tag is that of the tree, and the length follows from the rest.
_FRAMING = ("length", "tag", "seconds", "ticks")


def decode(packets: Records) -> Decoded:
    """Tables and offsets of the stream that the packets belong to.

    Raises
    ------
    CorruptFileError
        With the packets that contradict themselves.
    """
    return _hits(packets) if packets.kind.encode() == HITS else _monitoring(packets)


def _hits(packets: Records) -> Decoded:
    room = packets.sizes - HEAD.itemsize
    counts = room // HIT.itemsize
    packets.demand(room % HIT.itemsize == 0, "A packet does not hold whole hits", found=room, expected=f"n x {HIT.itemsize} bytes")
    rows = _row(packets, gather(packets.payload, packets.starts, ones(len(counts)), HEAD))
    hits = gather(packets.payload, packets.starts + HEAD.itemsize, counts, HIT)
    _demand_possible(packets, possible(hits, counts))
    tables = {
        "packets": {**rows, "n_hits": counts.astype(np.uint32)},
        "hits": {name: native(hits[name]) for name in HIT.names or ()},
    }
    return tables, {"hits": offsets_of(counts)}


def _monitoring(packets: Records) -> Decoded:
    packets.demand(
        packets.sizes == MONITOR.itemsize, "A packet is of another length", found=packets.sizes, expected=f"{MONITOR.itemsize} bytes"
    )
    rows = _row(packets, gather(packets.payload, packets.starts, ones(len(packets.starts)), MONITOR))
    return {"packets": {**rows, "flags": channel_bits(rows["high_rate_veto"])}}, {}


def _row(packets: Records, heads: np.ndarray) -> Columns:
    columns = {name: native(heads[name]) for name in heads.dtype.names or () if name != "tag"}
    packets.demand(columns["ticks"] < _TICKS_PER_SECOND, "The ticks of 16 ns are more than a second", found=columns["ticks"])
    n = len(heads)
    _demand_possible(packets, possible({"dom_id": columns["dom_id"]}, ones(n)))
    return {
        "utc_ns": columns["seconds"].astype(np.int64) * 10**9 + columns["ticks"].astype(np.int64) * 16,
        **{name: values for name, values in columns.items() if name not in _FRAMING},
        "source_input": np.zeros(n, np.uint16),
        "source_entry": np.arange(packets.first, packets.first + n, dtype=np.uint64),
    }


def _demand_possible(packets: Records, ok: np.ndarray) -> None:
    packets.demand(ok, "A packet names a module or channel that cannot be", expected=POSSIBLE)
