"""Fields that only ANTARES has: raw hits, counts of the optical modules, trigger names.

The layout of real raw files is not public. What is declared here follows the published description of the detector: each field holds an integer as the
electronics gave it, so that nothing is lost before a calibration is chosen.
"""

from __future__ import annotations

from antdask.model.schema import AMPLITUDE, SERIES, SYMBOL, Field

# One line per field, however long.
# fmt: off

ANTARES_RAW = ("antares_raw",)
OM_SLOTS = (("om_slot", 900),)

ARS = Field("ars", "u1", "1", "ARS chip in the storey, from 0 to 5: 2 x optical module in the storey (0 to 2) + chip (0 or 1)", "meta.id;instr.det", origins=ANTARES_RAW, codec=SYMBOL)
TIMESTAMP = Field("timestamp", "u4", "1", "ticks of 25 ns from the start of the frame, raw", "time.interval", origins=ANTARES_RAW)
TVC = Field("tvc", "u1", "1", "time-to-voltage converter: subdivides the tick, raw counts", "time.interval", origins=ANTARES_RAW, codec=AMPLITUDE)
AVC = Field("avc", "u1", "1", "amplitude-to-voltage converter: charge, raw counts, 255 is the end of the range", "phys.electCharge", origins=ANTARES_RAW, codec=AMPLITUDE)

SPE_HIT = (ARS, TIMESTAMP, TVC, AVC)

#: Trigger names of ANTARES; the bit is number - 1 (enumeration of SeaTray as in km3pipe ``io/i3.py``). KM3NeT masks have other meanings.
ANTARES_TRIGGERS = {
    1: "3D", 2: "1D", 3: "1D_WITH_PREFIT", 4: "1D_MIXED", 5: "1D_MIXED_WITH_PREFIT", 6: "3D_SCAN", 7: "3D_RECURSIVE", 8: "OB", 9: "MINIMUM_BIAS",
    10: "1S", 11: "3S", 12: "3S_SCAN", 13: "TIMESTAMP_0", 14: "T3", 15: "T2", 16: "TQ", 30: "GC", 32: "MERGED",
}
ANTARES_TRIGGER_MASK = Field("antares_trigger_mask", "u4", "1", "bit pattern of the ANTARES triggers; the bits of KM3NeT masks mean something else", "meta.code.class", origins=ANTARES_RAW, flags=tuple((1 << (n - 1), name) for n, name in ANTARES_TRIGGERS.items()))

OM_COUNTS = (
    Field("count", "u4", "1", "hits of the optical module in the frame of 104.8576 ms, raw; slot = 75 x (line - 1) + om - 1", "meta.number", dims=OM_SLOTS, origins=ANTARES_RAW, missing="where count_flags has bit 4", codec=SERIES),
    Field("count_flags", "u1", "1", "validity of the count; 0 is a good measurement", "meta.code.qual", dims=OM_SLOTS, origins=ANTARES_RAW, flags=((1, "high_rate_veto"), (2, "xoff"), (4, "no_data")), codec=SERIES),
)
