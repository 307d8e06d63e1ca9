"""Real dumps of DAQ records, and an independent decode of them: one record after the other with ``struct``, as the layouts are told by km3pipe and KM3io.jl."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from km3net_testdata import data_path

#: File, whether the old DAQ wrote it, tree, stream, records, detector and run.
FILES = {
    "IO_EVT": (False, "IO_EVT", "events", 3, 44, 6760),
    "IO_EVT_legacy": (True, "IO_EVT", "events", 38, 7, 139),
    "IO_SUM": (False, "IO_SUM", "rates", 3, 44, 6760),
    "IO_SUM_legacy": (True, "IO_SUM", "rates", 81, 7, 2101),
    "IO_TSL0_legacy": (True, "IO_TSL", "timeslices", 1, 48, 1969),
    "IO_TSL1_1003": (False, "IO_TSL1", "timeslices_l1", 10, 48, 4380),
    "IO_TSL1_legacy": (True, "IO_TSL", "timeslices", 1, 48, 1967),
    "IO_TSL2_legacy": (True, "IO_TSL", "timeslices", 1, 48, 1967),
    "IO_TSSN": (False, "IO_TSSN", "timeslices_sn", 3, 44, 6760),
}


def path(name: str) -> str:
    return str(data_path(f"daq/{name}.dat"))


def decode(name: str) -> list[dict[str, Any]]:
    """Every record of a file as a dictionary of plain numbers and lists."""
    return [record for _, record in walk(Path(path(name)).read_bytes(), FILES[name][0])]


def walk(data: bytes, legacy: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    """First byte and content of each record."""
    file = io.BytesIO(data)
    while file.tell() < len(data):
        start = file.tell()
        length, code = take(file, "ii")
        if not legacy:
            take(file, "h")
        record = dict(zip(("detector", "run", "frame", "seconds", "cycles"), take(file, "iiiII"), strict=True), length=length)
        record |= _event(file) if code == 10001 else _summary(file, legacy) if code == 2001 else _slice(file)
        assert file.tell() == start + length
        yield start, record


def take(file: io.BytesIO, form: str, order: str = "<") -> tuple[int, ...]:
    form = order + form
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _hit(file: io.BytesIO) -> tuple[int, ...]:
    return (*take(file, "B"), *take(file, "I", ">"), *take(file, "B"))


def _event(file: io.BytesIO) -> dict[str, Any]:
    counter, mask, overlays, n = take(file, "QQIi")
    triggered = [(*take(file, "i"), *_hit(file), *take(file, "Q")) for _ in range(n)]
    hits = [(*take(file, "i"), *_hit(file)) for _ in range(take(file, "i")[0])]
    return {"counter": counter, "mask": mask, "overlays": overlays, "triggered": triggered, "hits": hits}


def _summary(file: io.BytesIO, legacy: bool) -> dict[str, Any]:
    return {"frames": [(*take(file, "iI" if legacy else "iIIIII"), list(file.read(31))) for _ in range(take(file, "i")[0])]}


def _slice(file: io.BytesIO) -> dict[str, Any]:
    frames = []
    for _ in range(take(file, "i")[0]):
        length, code, *_, seconds, _, dom, a, b, c, d, e, n = take(file, "iiiiiIIiIIIIIi")
        assert code == 101
        frames.append(((length, seconds >> 31, dom, a, b, c, d, e), [_hit(file) for _ in range(n)]))
    return {"frames": frames}
