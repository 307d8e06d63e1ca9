"""Fields of simulated events and of the headers of files: particles, hits before and after digitisation, weights, and lines of text that have no columns.

Text stands in tables of bytes: a row says how long it is, the table below holds it, so that every byte of a header can be had again.
"""

from __future__ import annotations

from antdask.model.antares_fields import ANTARES_RAW
from antdask.model.astro_fields import ASTRO, ASTRO_MC, ASTRO_PARTICLE
from antdask.model.corsika_fields import CORSIKA_SHOWER, SHOWER, SHOWER_PARTICLE, SHOWER_TABLES
from antdask.model.gibuu_fields import GIBUU, GIBUU_EVENT, GIBUU_PARTICLE
from antdask.model.gseagen_fields import GSEAGEN, GSEAGEN_EVENT
from antdask.model.offline_fields import EVT_EVENT, MC_EVENT_TIME, MC_HIT, MC_TABLES, OFFLINE
from antdask.model.offline_fields import PARTICLE as OFFLINE_PARTICLE
from antdask.model.schema import AMPLITUDE, REAL, Field, Table

EVT = ("evt_ascii",)
KM3PIPE = ("km3pipe_hdf5",)
SIMULATED = (*EVT, *KM3PIPE)
#: Files of aanet events, and what km3pipe made of them.
AANET = (*KM3PIPE, *OFFLINE)
#: All but raw ANTARES data.
GENERATED = (*SIMULATED, *OFFLINE)
#: The same, and what a generator wrote before there was any light.
BEGUN = (*GENERATED, *GSEAGEN)
#: Generators that know of no detector: they give momenta instead of directions.
BARE = (*GIBUU, *CORSIKA_SHOWER)

# One line per field, however long.
# fmt: off

#: Stands for a whole number that the source does not give, or that did not fit its column (overflow): 0 is a number like any other there.
NO_NUMBER = -(2**31)
_NONE = "-2147483648"

#: What a line of particles is called in an .evt file, by its number in column `kind`; 0 is a source with one kind only.
PARTICLE_KINDS = (
    "particle", "neutrino", "primarylepton", "track_in", "track_aux", "track_primary", "track_earthlepton", "track_sealepton", "track_seamuon",
    "track_seaneutrino", "track_bundle", "center_on_can",
)
#: What else a particle may be, numbered on: the nucleon that was hit (GiBUU), a muon where it began, its mother and grandmother (CORSIKA).
FURTHER_KINDS = ("struck_nucleon", "muon_at_birth", "mother", "grandmother")


def _real(name: str, unit: str, text: str, ucd: str = "", origins: tuple[str, ...] = SIMULATED, missing: str = "NaN") -> Field:
    return Field(name, "f8", unit, text, ucd, origins=origins, missing=missing, codec=REAL)


def _path(name: str, unit: str, text: str, ucd: str, more: tuple[str, ...] = ()) -> Field:
    return Field(name, "f8", unit, text, ucd, origins=(*ANTARES_RAW, *BEGUN, *more), missing="NaN", codec=REAL)


def _number(name: str, text: str, ucd: str = "meta.number", origins: tuple[str, ...] = EVT, dtype: str = "i4") -> Field:
    return Field(name, dtype, "1", text, ucd, origins=origins, missing=_NONE)


EVENT = (
    _number("event_number", "number of the event in the source: start_event of .evt, event_id of km3pipe, word 2 of EVTH; may repeat", "meta.id", (*BEGUN, *CORSIKA_SHOWER, *ASTRO), "i8"),
    _number("event_type", "second number of start_event", "meta.code.class", EVT, "i8"),
    _number("group_id", "number of the group in the km3pipe file", "meta.id", KM3PIPE, "i8"),
    _number("mc_id", "number of the simulated event (km3pipe mc_id)", "meta.id", AANET, "i8"),
    _number("mc_run", "run of the simulation (km3pipe mc_run_id)", "meta.id;obs", AANET, "i8"),
    _real("mc_time_ns", "ns", "time of the simulated event, from the start of the run (km3pipe mc_time, mc_t)", "time.interval", AANET),
    _number("detector_id", "detector as in the file; negative in files for simulation", "meta.id;instr", AANET, "i8"),
    _number("timestamp_s", "seconds of the frame as in the file; simulations count from 0", "time.epoch", AANET, "i8"),
    _number("nanoseconds", "nanoseconds of the frame as in the file", "time.epoch", AANET, "i8"),
    Field("trigger_mask", "u8", "1", "bit pattern of the KM3NeT triggers; 0 where the file does not give it", "meta.code.class", origins=AANET, missing="0"),
    _number("overlays", "number of merged triggers", "meta.number", AANET, "i8"),
    _number("n_events_generated", "number of generated events (km3pipe n_events_gen)", "meta.number", KM3PIPE, "i8"),
    _number("n_files_generated", "number of generated files (km3pipe n_files_gen)", "meta.number", KM3PIPE, "i8"),
    _number("livetime_s", "livetime in seconds (km3pipe livetime_sec)", "time.duration", KM3PIPE, "i8"),
    _real("w1", "1", "first weight: volume or area of generation, in the unit of the generator", origins=GENERATED),
    _real("w2", "1", "second weight: generation weight, in the unit of the generator", origins=BEGUN),
    _real("w3", "1", "third weight: event weight, in the unit of the generator", origins=BEGUN),
    _real("w4", "1", "fourth weight of km3pipe", origins=AANET),
    _number("corsika_event", "number of the shower in CORSIKA (corsika_evno)", "meta.id", EVT, "i8"),
    _number("event_time_s", "first number of eventtime, as in the file; not always set by the generator", "time.epoch", EVT, "i8"),
    _number("event_time_ns", "second number of eventtime, as in the file; not always set by the generator", "time.epoch", EVT, "i8"),
    _number("total_hits", "number of hits as the file states it; n_hits is what it holds", "meta.number", EVT, "i8"),
    Field("n_particles", "u4", "1", "number of particles of the event", "meta.number", statistics=True),
    Field("n_hits", "u4", "1", "number of simulated hits of the event; 0 also where the file keeps none", "meta.number", origins=GENERATED, statistics=True),
    Field("n_raw_hits", "u4", "1", "number of digitised hits of the event", "meta.number", origins=EVT, statistics=True),
    Field("n_overflow", "u4", "1", "numbers of the event that did not fit their column and were written as stars: they are missing", "meta.number", origins=EVT, statistics=True),
    *MC_EVENT_TIME,
    *EVT_EVENT,
    *GSEAGEN_EVENT,
    *GIBUU_EVENT,
    *SHOWER,
    *ASTRO_MC,
)

PARTICLE = (
    Field("kind", "u1", "1", "what the line of the particle is called, or what it is", "meta.code.class", origins=(*BEGUN, *BARE, *ASTRO), flags=tuple(enumerate((*PARTICLE_KINDS, *FURTHER_KINDS))), codec=AMPLITUDE),
    _number("particle_id", "first number of the line, or id: number of the particle in its list; of track_bundle, number of muons", "meta.id", BEGUN),
    _number("particle_type", "type of the particle as in the source, in the numbering of column 'numbering'", "meta.code.class", (*BEGUN, *BARE, *ASTRO)),
    Field("numbering", "u1", "1", "numbering of particle_type", "meta.code", origins=(*BEGUN, *BARE, *ASTRO), flags=((0, "not_stated"), (1, "GEANT3"), (2, "PDG"), (3, "CORSIKA")), codec=AMPLITUDE),
    Field("pdg_type", "i4", "1", "type of the particle in the numbering of the Particle Data Group; .evt, GiBUU, CORSIKA: derived where the source counts otherwise, or only says so in other words", "meta.code.class", origins=(*ANTARES_RAW, *EVT, *OFFLINE, *GSEAGEN, *BARE, *ASTRO), missing="0"),
    _path("x", "m", "x of a point of the path; simulated ANTARES: UTM easting relative to the centre of the detector, else in the system of the generator", "pos.cartesian.x", (*CORSIKA_SHOWER, *ASTRO)),
    _path("y", "m", "y of a point of the path; simulated ANTARES: UTM northing relative to the centre of the detector, else in the system of the generator", "pos.cartesian.y", (*CORSIKA_SHOWER, *ASTRO)),
    _path("z", "m", "z of a point of the path, up; simulated ANTARES: relative to the centre of the detector, else in the system of the generator", "pos.cartesian.z", (*CORSIKA_SHOWER, *ASTRO)),
    _path("dx", "1", "x of the unit vector along the path", "pos.cartesian.x"),
    _path("dy", "1", "y of the unit vector along the path", "pos.cartesian.y"),
    _path("dz", "1", "z of the unit vector along the path", "pos.cartesian.z"),
    _path("time_ns", "ns", "time at this point; simulated ANTARES: from the start of the frame, else as the generator counts it", "time.interval", CORSIKA_SHOWER),
    _path("energy", "GeV", "energy of the particle at this point; of track_bundle, of all muons; CORSIKA: of the primary particle", "phys.energy", (*BARE, *ASTRO)),
    _real("length", "m", "length of the path; the sign is that of the source", "phys.size", GENERATED),
    _real("bjorken_x", "1", "Bjorken x of the interaction"),
    _real("bjorken_y", "1", "Bjorken y of the interaction"),
    _real("interaction_channel", "1", "channel of the interaction in the numbering of the generator", "meta.code.class"),
    _real("current", "1", "current of the interaction as in the source: .evt 2 charged, 3 neutral; km3pipe 1 charged, 0 neutral or not set", "meta.code.class"),
    _real("energy_lost_in_can", "GeV", "energy that the particle lost inside the can", "phys.energy", KM3PIPE),
    _number("charm", "tenth number behind the identifier of CORSIKA lines: 1 for charm", "meta.code"),
    _number("corsika_code", "number before the mother in lines of Corant 5, -1 in all lines seen; its meaning is not public", "meta.code"),
    _number("mother", "mother of the particle in the numbering of the generator; negative as in the source", "meta.code.class", (*EVT, *OFFLINE)),
    _number("grandmother", "mother of the mother, likewise", "meta.code.class"),
    *OFFLINE_PARTICLE,
    _real("px", "GeV", "x of the momentum; CORSIKA: to the magnetic north", origins=BARE),
    _real("py", "GeV", "y of the momentum; CORSIKA: to the west", origins=BARE),
    _real("pz", "GeV", "z of the momentum; GiBUU: along the beam, CORSIKA: up, the number in the file (which is that downwards) with the other sign", origins=BARE),
    *GIBUU_PARTICLE,
    *SHOWER_PARTICLE,
    *ASTRO_PARTICLE,
)

HIT = (
    _number("hit_id", "number of the hit in the source", "meta.id", (*EVT, *OFFLINE)),
    _number("pmt_id", "photomultiplier in the numbering of the simulated detector", "meta.id;instr.det", GENERATED),
    _real("n_pe", "1", "amplitude in photo-electrons (km3pipe a)", "phys.electCharge", GENERATED),
    _real("time_ns", "ns", "time of the hit, as the simulation counts it", "time.interval", GENERATED),
    _number("hit_type", "fifth number of the line: type of the hit in the numbering of the simulation, negative types occur", "meta.code.class", (*EVT, *OFFLINE)),
    _number("n_photons", "sixth number of the line: number of photons", "meta.number"),
    _number("particle_id", "particle that made the light: track number of .evt, origin of km3pipe", "meta.ref", GENERATED),
    _real("true_time_ns", "ns", "eighth number of the line: time before electronics", "time.interval", EVT),
    _number("material", "ninth number of the line, written by KM3Sim only; its meaning is not stated", "meta.code"),
    *MC_HIT,
)

RAW_HIT = (
    _number("hit_id", "number of the hit in the source", "meta.id"),
    _number("pmt_id", "photomultiplier in the numbering of the simulated detector", "meta.id;instr.det"),
    _number("tot", "third number of the line: time over threshold in ns, or photo-electrons, as the simulation gives it", "time.duration"),
    _real("time_ns", "ns", "time of the hit, as the simulation counts it", "time.interval", EVT),
)

#: What km3pipe adds to a hit when it applies a detector file.
CALIBRATION = (
    _real("x", "m", "x of the photomultiplier", "pos.cartesian.x", KM3PIPE),
    _real("y", "m", "y of the photomultiplier", "pos.cartesian.y", KM3PIPE),
    _real("z", "m", "z of the photomultiplier", "pos.cartesian.z", KM3PIPE),
    _real("dx", "1", "x of the direction of the photomultiplier", "pos.cartesian.x", KM3PIPE),
    _real("dy", "1", "y of the direction of the photomultiplier", "pos.cartesian.y", KM3PIPE),
    _real("dz", "1", "z of the direction of the photomultiplier", "pos.cartesian.z", KM3PIPE),
    _real("t0_ns", "ns", "time offset of the photomultiplier, part of the time of the hit", "time.interval", KM3PIPE),
    _number("pmt_id", "identifier of the photomultiplier; 0 in files without detector", "meta.id;instr.det", KM3PIPE, "i8"),
    _number("hit_id", "identifier of the hit; 0 where km3pipe set none", "meta.id", KM3PIPE, "i8"),
    _number("line", "line (detection unit) of the photomultiplier (du)", "meta.id;instr.det", KM3PIPE),
    _number("floor", "floor of the photomultiplier", "meta.id;instr.det", KM3PIPE),
    _number("dom_id", "module of a simulated hit; 0 in all files seen", "meta.id;instr.det", KM3PIPE, "i8"),
    _number("channel_id", "channel of a simulated hit; 0 in all files seen", "meta.id;instr.det", KM3PIPE),
    _number("tot", "time over threshold of a simulated hit; 0 in all files seen", "time.duration", KM3PIPE),
    _number("triggered", "trigger flag of a simulated hit; 0 in all files seen", "meta.code", KM3PIPE),
)

#: What only km3pipe gives of a fit; `x` and others are shared with SeaTray.
FIT = (
    Field("fit_name", "u1", "1", "name of the table of the fit in the file, in ASCII, filled with zeros at the end", "meta.code.class", dims=(("fit_byte", 32),), origins=KM3PIPE, codec=AMPLITUDE),
    _number("group_id", "number of the group in the km3pipe file", "meta.id", KM3PIPE, "i8"),
    _number("track_id", "identifier of the fit (id)", "meta.id", AANET, "i8"),
    _number("track_index", "number of the fit in its event (idx)", "meta.number", AANET, "i8"),
    _real("dx", "1", "x of the unit vector along the track", "pos.cartesian.x", AANET),
    _real("dy", "1", "y of the unit vector along the track", "pos.cartesian.y", AANET),
    _real("dz", "1", "z of the unit vector along the track", "pos.cartesian.z", AANET),
)

STAGE = (Field("rec_stage", "i4", "1", "stage of the reconstruction that the fit went through, in their order", "meta.code", origins=AANET),)

PARAMETER = (
    Field("parameter_id", "u4", "1", "CRC-32 of the name of the parameter in the file, e.g. of JGANDALF_CHI2; the names stand in stream headers, under the name of the fit", "meta.id", origins=(*KM3PIPE, *ASTRO)),
    _real("value", "1", "value of the parameter, in the unit of the fit", origins=(*KM3PIPE, *ASTRO)),
)

_WEIGHT = (_real("value", "1", "number of the list, in its order; the meaning is that of the generator", origins=(*EVT, *OFFLINE)),)
_LENGTH = Field("n_bytes", "u4", "byte", "length of the line", "phys.size;meta.file", origins=EVT)
_BYTE = Field("byte", "u1", "1", "one byte of the text, as in the file (mostly ASCII)", codec=AMPLITUDE)


def mc_tables(key: tuple[Field, ...], source: tuple[Field, ...]) -> tuple[Table, ...]:
    """The tables of stream ``mc``; `key` comes first in the row table, `source` last."""
    return (
        Table("events", "event", "one row per simulated event; joins to events by (run, frame_index, trigger_counter) where the source gives them", (*key, *EVENT, *source)),
        Table("particles", "particle", "particles of the event, in the order of the source", PARTICLE, parent="events"),
        Table("hits", "hit", "simulated hits before digitisation, in the order of the source", HIT, parent="events", origins=GENERATED),
        Table("calibrations", "calibration", "what km3pipe 4 adds to each simulated hit, hit by hit; no rows where the file has no such columns", CALIBRATION, parent="events", origins=KM3PIPE),
        Table("raw_hits", "raw_hit", "digitised hits (hit_raw), in the order of the source", RAW_HIT, parent="events", origins=EVT),
        Table("w2list", "w2_value", "numbers of w2list: factors of the second weight", _WEIGHT, parent="events", origins=(*EVT, *OFFLINE)),
        Table("w3list", "w3_value", "numbers of w3list: factors of the third weight", _WEIGHT, parent="events", origins=(*EVT, *OFFLINE)),
        Table("lines", "line", "lines of the event that have no columns of their own, in the order of the source", (_LENGTH,), parent="events", origins=EVT),
        Table("line_bytes", "line_byte", "text of the line, without its end", (_BYTE,), parent="lines", origins=EVT),
        *MC_TABLES,
        *SHOWER_TABLES,
    )


def header_tables(run: Field, source: tuple[Field, ...]) -> tuple[Table, ...]:
    """The tables of stream ``headers``."""
    row = (
        run,
        Field("n_lines", "u4", "1", "number of lines of the header", "meta.number", statistics=True),
        Field("n_overflow", "u4", "1", "numbers of the header that did not fit their column and were written as stars", "meta.number", statistics=True),
        *source,
    )
    line = (
        Field("name_bytes", "u4", "byte", "length of the name", "phys.size;meta.file"),
        Field("value_bytes", "u4", "byte", "length of the value", "phys.size;meta.file"),
        Field("note_bytes", "u4", "byte", "length of the note: names and types of the value's words (km3pipe)", "phys.size;meta.file"),
    )
    number = (
        Field("value", "f8", "1", "the word as a number; of glued Fortran columns, each number by itself", missing="NaN where the word is no number", codec=REAL),
        Field("word", "u1", "1", "what stands in the file", "meta.code.class", flags=((0, "text"), (1, "number"), (2, "overflow")), codec=AMPLITUDE),
    )
    return (
        Table("headers", "header", "one row per header of a file", row),
        Table("lines", "line", "lines of the header in its order: the same name may stand several times", line, parent="headers"),
        Table("line_bytes", "line_byte", "text of the line: name, value and note, one after the other", (_BYTE,), parent="lines"),
        Table("numbers", "number", "words of the value, read as numbers", number, parent="lines"),
    )
