"""Real dumps of packets of single modules, and an independent decode of them: one number after the other with ``struct``, as km3pipe tells the layouts."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from km3net_testdata import data_path

#: File, tree, stream, packets, hits and run.
FILES = {"clb.dqd": ("TTDC", "packets", 3, 599, 0), "IO_MONIT.dat": ("TMCH", "monitoring", 6, 0, 86)}
HEAD = ("run", "udp_sequence", "seconds", "ticks", "dom_id", "status")
#: Columns of a monitoring packet behind its head: name, format, and how many.
MONITOR = [
    *((name, "I", 1) for name in ("fifo", "status3", "status4")),
    ("rate", "I", 31),
    *((name, "I", 1) for name in ("high_rate_veto", "packet_flags")),
    *((name, "f", 1) for name in ("yaw", "pitch", "roll")),
    *((name, "f", 3) for name in ("acceleration", "turning_rate", "magnetic_field")),
    *((name, "H", 1) for name in ("temperature", "humidity")),
    *((name, "I", 1) for name in ("tdc_full", "acoustics_full", "flushes", "slice_duration")),
    *((name, "H", 1) for name in ("tdc_fifo_size", "acoustics_fifo_size")),
]


def path(name: str) -> str:
    return str(data_path(f"daq/{name}"))


def data_of(name: str) -> bytes:
    return Path(path(name)).read_bytes()


def walk(data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """First byte and content of each packet."""
    file = io.BytesIO(data)
    while file.tell() < len(data):
        start = file.tell()
        (length,) = struct.unpack("<I", file.read(4))
        tag = file.read(4)
        packet: dict[str, Any] = dict(zip(HEAD, struct.unpack(">6I", file.read(24)), strict=True))
        if tag == b"TTDC":
            packet["hits"] = [struct.unpack(">BIB", file.read(6)) for _ in range((length - 28) // 6)]
        else:
            for name, form, n in MONITOR:
                values = struct.unpack(f">{n}{form}", file.read(n * struct.calcsize(form)))
                packet[name] = values[0] if n == 1 else list(values)
        assert file.tell() == start + 4 + length
        yield start, packet


def hits_packet(run: int, seconds: int, hits: list[tuple[int, int, int]], dom_id: int = 817803008, sequence: int = 0) -> bytes:
    """A packet with hits, as a module sends it."""
    body = b"".join(struct.pack(">BIB", *hit) for hit in hits)
    return _packet(b"TTDC", (run, sequence, seconds, 0, dom_id, 0x8000_0000), body)


def monitoring_packet(seed: int) -> tuple[bytes, dict[str, Any]]:
    """A monitoring packet in which every number is another, and its numbers: the real one has only zeros where rates are."""
    made: dict[str, Any] = dict(zip(HEAD, (86, seed, 1_600_000_000 + seed, 62_499_999, 806472270, 0x8000_0001), strict=True))
    body, number = b"", 1000 * seed
    for name, form, n in MONITOR:
        values = [(number + i) % 65_521 + (0.5 if form == "f" else 0) for i in range(n)]
        number += 7 * n
        body += struct.pack(f">{n}{form}", *values)
        made[name] = values[0] if n == 1 else values
    return _packet(b"TMCH", tuple(made[name] for name in HEAD), body), made


def acoustic_packet() -> bytes:
    return _packet(b"TAES", (7, 0, 1_600_000_000, 0, 806472270, 0), bytes(60))


def _packet(tag: bytes, head: tuple[int, ...], body: bytes) -> bytes:
    return struct.pack("<I", 28 + len(body)) + tag + struct.pack(">6I", *head) + body
