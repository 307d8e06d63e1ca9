"""Tables of packets that single KM3NeT modules send: hits before the DAQ sorts them, and what a module says of itself.

A packet names run, module and time, but neither detector nor frame: columns that it does not give are not declared.
"""

from __future__ import annotations

from antdask.model.schema import AMPLITUDE, REAL, Field, Table

# One line per field, however long.
# fmt: off

CHANNELS, AXES = (("channel", 31),), (("axis", 3),)
_LATER = "void where bits 1 to 3 of 'packet_flags' are below {} (version {} of the packet)"

TIME = Field("utc_ns", "i8", "ns", "start of the time slice (100 ms) as the module states it: seconds x 10^9 + ticks of 16 ns x 16, exact, UTC in ns since 1970-01-01T00:00:00 (POSIX); a clock without the time of the world counts from a start of its own, and then this lies in 1970", "time.epoch", statistics=True)
MODULE = Field("dom_id", "i4", "1", "identifier of the KM3NeT optical module", "meta.id;instr.det", statistics=True)
SEQUENCE = Field("udp_sequence", "u4", "1", "number of the packet in the time slice of its module, from 0", "meta.number")
STATUS = Field("status", "u4", "1", "first status word of the module, as sent; the DAQ takes bits 0-30 for the high-rate veto of the channels, and bit 31 for White Rabbit in order", "meta.code.status")


def packet_tables(run: Field, source: tuple[Field, ...]) -> tuple[Table, ...]:
    """The tables of stream ``packets``; `run` and `source` are the fields that other streams have too."""
    n_hits = Field("n_hits", "u4", "1", "number of hits in the packet", "meta.number", statistics=True)
    return (
        Table("packets", "packet", "one row per packet; the packets of a module and time slice have the same 'utc_ns', and together its hits", (run, TIME, MODULE, SEQUENCE, STATUS, n_hits, *source)),
        Table("hits", "hit", "hits of the packet, in the order of the source", HIT, parent="packets"),
    )


HIT = (
    Field("channel_id", "u1", "1", "photomultiplier in the module, from 0 to 30", "meta.id;instr.det", codec=AMPLITUDE),
    Field("tdc", "u4", "ns", "leading edge of the pulse, from the start of the time slice", "time.interval"),
    Field("tot", "u1", "ns", "time over threshold of the pulse; of 255 the pulse may go on in the next hit of the channel, 255 ns later", "time.duration", codec=AMPLITUDE),
)


def monitoring_tables(run: Field, source: tuple[Field, ...]) -> tuple[Table, ...]:
    """The table of stream ``monitoring``."""
    return (Table("packets", "packet", "one row per packet, one for each module and time slice", (run, TIME, MODULE, SEQUENCE, *MONITORING, *source)),)


MONITORING = (
    STATUS,
    Field("fifo", "u4", "1", "second status word of the module, as sent; the DAQ takes bits 0-30 for FIFO almost full of the channels", "meta.code.status"),
    Field("status3", "u4", "1", "third status word of the module, as sent", "meta.code.status"),
    Field("status4", "u4", "1", "fourth status word of the module, as sent", "meta.code.status"),
    Field("rate", "u4", "daHz", "rate of the channel in steps of 10 Hz, as sent", "arith.rate", dims=CHANNELS),
    Field("high_rate_veto", "u4", "1", "bits 0-30: high-rate veto of the channels, as the packet has them beside the rates", "meta.code.status"),
    Field("flags", "u1", "1", "validity of the rate, derived from 'high_rate_veto'; 0 where nothing speaks against it", "meta.code.qual", dims=CHANNELS, flags=((1, "high_rate_veto"),)),
    Field("packet_flags", "u4", "1", "bit 0: the readings of the compass board are valid; bits 1 to 3: version of the packet (0: 1, 1: 2, 3: 3)", "meta.code", flags=((1, "compass_valid"),)),
    Field("yaw", "f4", "deg", "heading of the module as its compass board computes it, before calibration", "pos.az.azi", codec=REAL),
    Field("pitch", "f4", "deg", "pitch of the module as its compass board computes it, before calibration", codec=REAL),
    Field("roll", "f4", "deg", "roll of the module as its compass board computes it, before calibration", codec=REAL),
    Field("acceleration", "f4", "1", "accelerometer along x, y, z, as sent, before calibration; about 1 for gravity, no public document states the unit", dims=AXES, codec=REAL),
    Field("turning_rate", "f4", "1", "gyroscope about x, y, z, as sent, before calibration; no public document states the unit", dims=AXES, codec=REAL),
    Field("magnetic_field", "f4", "1", "magnetometer along x, y, z, as sent, before calibration; the size is that of gauss (the field of the Earth is 0.46 G at the sites), no public document states the unit", dims=AXES, codec=REAL),
    Field("temperature", "u2", "0.01 degC", "temperature in the module, in steps of 0.01 degrees Celsius, as sent"),
    Field("humidity", "u2", "0.01 percent", "relative humidity in the module, in steps of 0.01 %, as sent"),
    Field("tdc_full", "u4", "1", "word on full FIFOs of the channels, as sent (tdcfull)", "meta.code.status"),
    Field("acoustics_full", "u4", "1", "word on the full FIFO of the acoustic sensor, as sent (aesfull)", "meta.code.status"),
    Field("flushes", "u4", "1", "word on flushed data, as sent (flushc)", "meta.code.status"),
    Field("slice_duration", "u4", "us", "length of a time slice", "time.duration", missing=_LATER.format(1, 2)),
    Field("tdc_fifo_size", "u2", "1", "size of the FIFO of the channels, as sent (tdc_supertime_fifo_size)", "meta.number", missing=_LATER.format(3, 3)),
    Field("acoustics_fifo_size", "u2", "1", "size of the FIFO of the acoustic sensor, as sent (aes_supertime_fifo_size)", "meta.number", missing=_LATER.format(3, 3)),
)
