"""Fields that only KM3NeT offline files (aanet classes ``Evt``, ``Hit``, ``Trk``) and the DSTs made of them have.

Names and meaning follow the members of the classes; what other sources have too keeps the name it has there. Members that a version of the classes does not have
stand as missing values, since a source gives the same columns for every version.
"""

from __future__ import annotations

from antdask.model.astro_fields import ASTRO
from antdask.model.schema import AMPLITUDE, REAL, Field, Table

OFFLINE = ("km3net_offline",)
KM3NET_DST = ("km3net_dst",)

# One line per field, however long.
# fmt: off

_NONE = "-2147483648 (member not in this version of the class)"


def _number(name: str, text: str, ucd: str = "meta.number") -> Field:
    return Field(name, "i4", "1", text, ucd, origins=OFFLINE, missing=_NONE)


def _real(name: str, unit: str, text: str, ucd: str = "") -> Field:
    return Field(name, "f8", unit, text, ucd, origins=OFFLINE, missing="NaN", codec=REAL)


def _position(what: str) -> tuple[Field, ...]:
    return (
        _real("x", "m", f"x of {what}", "pos.cartesian.x"),
        _real("y", "m", f"y of {what}", "pos.cartesian.y"),
        _real("z", "m", f"z of {what}, up", "pos.cartesian.z"),
        _real("dx", "1", f"x of the direction of {what}", "pos.cartesian.x"),
        _real("dy", "1", f"y of the direction of {what}", "pos.cartesian.y"),
        _real("dz", "1", f"z of the direction of {what}", "pos.cartesian.z"),
    )


#: Of an event, in streams events and mc.
EVT_EVENT = (
    _number("event_index", "index of the event in its reader (Evt.index)", "meta.number"),
    _number("event_flags", "user flags (Evt.flags)", "meta.code"),
    Field("header_uuid", "u1", "1", "UUID of the header that belongs to the event", "meta.ref", dims=(("uuid_byte", 16),), origins=OFFLINE, missing="zeros (version without it)", codec=AMPLITUDE),
)
EVT_NUMBER = _number("event_number", "number of the event in the file (Evt.id)", "meta.id")
MC_EVENT_TIME = (
    _number("mc_event_time_s", "seconds of the simulated event, UTC (Evt.mc_event_time)", "time.epoch"),
    _number("mc_event_time_ns", "nanoseconds beside mc_event_time_s", "time.epoch"),
)

#: Of a hit of an event, and of a simulated hit, beyond what other sources have.
HIT_MEMBERS = (
    *_position("the photomultiplier (0 in files without detector)"),
    _number("pattern_flags", "bits of the patterns that the hit belongs to (Hit.pattern_flags, bit by bit)", "meta.code"),
    _real("pure_time_ns", "ns", "time before calibration or smearing (Hit.pure_t)", "time.interval"),
    _real("pure_amplitude", "1", "amplitude before calibration or smearing (Hit.pure_a)", "phys.electCharge"),
)
EVENT_HIT = (
    _number("pmt_id", "identifier of the photomultiplier (Hit.pmt_id)", "meta.id;instr.det"),
    _number("hit_type", "type of the hit (Hit.type)", "meta.code.class"),
    _number("particle_id", "track that made the light (Hit.origin)", "meta.ref"),
    *HIT_MEMBERS,
)
MC_HIT = (
    _number("dom_id", "module (Hit.dom_id); 0 before the detector is simulated", "meta.id;instr.det"),
    Field("channel_id", "u4", "1", "channel (Hit.channel_id)", "meta.id;instr.det", origins=OFFLINE),
    Field("tdc", "u4", "1", "time of the electronics (Hit.tdc); 0 in all simulated hits seen", "time.interval", origins=OFFLINE),
    Field("tot", "u4", "1", "time over threshold (Hit.tot); 0 in all simulated hits seen", "time.duration", origins=OFFLINE),
    Field("trigger_mask", "u8", "1", "bit pattern of triggers (Hit.trig)", "meta.code.class", origins=OFFLINE),
    *HIT_MEMBERS,
)

#: Of a fitted track or a particle.
TRACK = (
    Field("event_entry", "u8", "1", "entry of the event in tree E, from 0", "meta.record", origins=OFFLINE),
    Field("rec_type", "i4", "1", "kind of the reconstruction (Trk.rec_type): 4000 Jpp, 101 aanet, 200 Dusj", "meta.code.class", origins=(*OFFLINE, *ASTRO)),
    _number("particle_type", "type of the particle, PDG numbering (Trk.type)", "meta.code.class"),
    _number("status", "status of the track (Trk.status)", "meta.code.status"),
    _number("mother", "identifier of the mother (Trk.mother_id)", "meta.ref"),
    _number("counter", "counter of the track (Trk.counter)", "meta.number"),
)
PARTICLE = (
    _real("lik", "1", "likelihood (Trk.lik)", "stat.likelihood"),
    _number("rec_type", "kind of the reconstruction (Trk.rec_type)", "meta.code.class"),
    _number("status", "status of the particle (Trk.status)", "meta.code.status"),
    _number("counter", "counter of the particle (Trk.counter)", "meta.number"),
)

_VALUE = (Field("value", "f8", "1", "number of the list, in its order", origins=OFFLINE, codec=REAL),)
_LENGTH = (Field("n_bytes", "u4", "byte", "length of the name", "phys.size;meta.file", origins=OFFLINE),)
_BYTE = (Field("byte", "u1", "1", "one byte of the text, as in the file (mostly ASCII)", origins=OFFLINE, codec=AMPLITUDE),)


def user_tables(parent: str, what: str, prefix: str = "") -> tuple[Table, ...]:
    """Tables of what users add to an object of class AAObject: numbers, their names, and a comment."""
    return (
        Table(f"{prefix}usr", f"{prefix}usr_value", f"numbers that a program added to the {what} (usr)", _VALUE, parent=parent, origins=OFFLINE),
        Table(f"{prefix}usr_names", f"{prefix}usr_name", f"names of the numbers in {prefix}usr, in their order", _LENGTH, parent=parent, origins=OFFLINE),
        Table(f"{prefix}usr_name_bytes", f"{prefix}usr_name_byte", "text of the name", _BYTE, parent=f"{prefix}usr_names", origins=OFFLINE),
        Table(f"{prefix}comment_bytes", f"{prefix}comment_byte", f"text of the comment on the {what}", _BYTE, parent=parent, origins=OFFLINE),
    )


TRACK_TABLES = (
    Table("fitinf", "fitinf_value", "parameters of the fit; what each place means depends on rec_type (KM3NeT fitparameters)", _VALUE, parent="tracks", origins=OFFLINE),
    Table("hit_ids", "track_hit", "identifiers of the hits that the fit used", (Field("hit_id", "i4", "1", "identifier of the hit", "meta.ref", origins=OFFLINE),), parent="tracks", origins=OFFLINE),
    Table("error_matrix", "matrix_value", "elements of the error matrix of the fit, as many as the fit gives", _VALUE, parent="tracks", origins=OFFLINE),
    *user_tables("tracks", "track"),
)
MC_TABLES = (
    Table("w", "weight", "weights of the event, in their order: volume or area of generation, generation weight, event weight", _VALUE, parent="events", origins=OFFLINE),
    *user_tables("events", "event"),
    *user_tables("particles", "particle", "particle_"),
)

#: What a DST says of an event: numbers under names, since every production has others.
DST_TABLES = (
    Table(
        "summary",
        "summary_value",
        "numbers of the event, branch by branch in the order of the file",
        (
            Field("name_id", "u4", "1", "CRC-32 of the name of the branch with those above it, e.g. sum_hits/nhits; the names stand in stream headers", "meta.id", origins=KM3NET_DST),
            Field("place", "u4", "1", "place in the branch, from 0, where it holds several numbers", "meta.number", origins=KM3NET_DST),
            Field("value", "f8", "1", "the number, in the unit of the program that wrote it", origins=KM3NET_DST, codec=REAL),
        ),
        parent="events",
        origins=KM3NET_DST,
    ),
)
