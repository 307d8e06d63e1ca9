"""All real detector files, and an independent parse of them, line by line and field by field."""

from __future__ import annotations

import itertools
import math
import struct
from pathlib import Path
from typing import Any

from km3net_testdata import data_path

from antdask.model.ragged import Batch

DETX = (
    "detx/D_ORCA006_t.A02181836.p.A02181837.r.A02182001.detx",
    "detx/KM3NeT_-00000001_20171212.detx",
    "detx/KM3NeT_00000133_20221025.detx",
    "detx/detx_v1.detx",
    "detx/detx_v2.detx",
    "detx/detx_v3.detx",
    "detx/detx_v3_whitespace.detx",
    "detx/detx_v4.detx",
    "detx/detx_v5.detx",
    "detx/km3net_jul13_90m_r1494_corrected.detx",
    "detx/km3net_offline.detx",
    "detx/orca_115strings_av20min17mhorizontal_18OMs_alt9mvertical_v2.detx",
    "detx/orca_115strings_av23min20mhorizontal_18OMs_alt9mvertical_v1.detx",
)
#: The command in one of its comments holds line breaks, and its lines carry no mark.
MULTILINE = "detx/detx_v5_invalid_multiline_comments.detx"
DATX = ("datx/KM3NeT_00000133_20221025.datx", "detector_geometry/KM3NeT_00000232.detector.datx")

NAN = math.nan
UNSET = -(2**31)


def path(name: str) -> str:
    """Where a sample lies."""
    return str(data_path(name))


def detx(name: str) -> dict[str, Any]:
    """A DETX file as plain numbers."""
    lines = Path(path(name)).read_text().splitlines()
    comments = [line[2:] for line in lines if line.startswith("#")]
    words = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    if words[0][1].lower().startswith("v"):
        version, validity, utm, count, body = int(words[0][1][1:]), [float(x) for x in words[1]], words[2], int(words[3][0]), words[4:]
        head = (int(words[0][0]), version, *validity, utm[1], utm[2], *map(float, utm[3:]))
    else:
        version, count, body = 1, int(words[0][1]), words[1:]
        head = (int(words[0][0]), 1, NAN, NAN, "", "", NAN, NAN, NAN)
    modules, pmts = [], []
    rows = iter(body)
    for _ in range(count):
        first = next(rows)
        pose = tuple(map(float, first[3:11])) if version >= 4 else (NAN,) * 8
        modules.append((*map(int, first[:3]), *pose, int(first[11]) if version >= 5 else UNSET, int(first[-1])))
        for _ in range(int(first[-1])):
            row = next(rows)
            pmts.append((int(row[0]), *map(float, row[1:8]), int(row[8]) if version >= 3 else UNSET))
    assert next(rows, None) is None
    return {"head": head, "comments": comments, "modules": modules, "pmts": pmts}


def datx(name: str) -> dict[str, Any]:
    """A DATX file as plain numbers."""
    data = Path(path(name)).read_bytes()
    at = 0

    def take(form: str) -> tuple[Any, ...]:
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values

    def text() -> str:
        return take(f"{take('i')[0]}s")[0].decode()

    comments, modules, pmts = [], [], []
    while data[at : at + 4] == b"####":
        at += 4
        comments.append(text())
    number, version, validity = take("i")[0], int(text()[1:]), take("dd")
    assert text() == "UTM"
    head = (number, version, *validity, text(), text(), *take("ddd"))
    for _ in range(take("i")[0]):
        modules.append(take("iiiddddddddii"))
        pmts += [take("idddddddi") for _ in range(modules[-1][-1])]
    assert at == len(data)
    return {"head": head, "comments": comments, "modules": modules, "pmts": pmts}


def plain(batch: Batch) -> dict[str, Any]:
    """A batch in the same form."""
    row = {k: v[0] for k, v in batch.tables["detectors"].items()}
    texts = [bytes(row[k]).rstrip(b"\0").decode() for k in ("utm_ellipsoid", "utm_zone")]
    numbers = [row[k].item() for k in ("detector_id", "format_version", "valid_from_s", "valid_to_s")]
    data, edges = batch.tables["comment_bytes"]["byte"].tobytes(), batch.offsets["comment_bytes"].tolist()
    modules, pmts = batch.tables["modules"], batch.tables["pmts"]
    pose = ("x", "y", "z", "q0", "qx", "qy", "qz", "t0_ns")
    columns = [modules[k].tolist() for k in ("module_id", "line", "floor", *pose, "status")]
    counts = (batch.offsets["pmts"][1:] - batch.offsets["pmts"][:-1]).tolist()
    of_pmts = [pmts[k].tolist() for k in ("pmt_id", "x", "y", "z", "dx", "dy", "dz", "t0_ns", "status")]
    return {
        "head": (*numbers, *texts, *(row[k].item() for k in ("utm_easting", "utm_northing", "utm_z"))),
        "comments": [data[a:b].decode() for a, b in itertools.pairwise(edges)],
        "modules": list(zip(*columns, counts, strict=True)),
        "pmts": list(zip(*of_pmts, strict=True)),
    }
