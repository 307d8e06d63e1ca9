"""The declared tables: one line per field.

Origins: ``km3net_online`` (KM3NeT DAQ files), ``seatray`` (calibrated ANTARES files of the SeaTray framework), ``antares_raw`` (ANTARES DAQ data
before calibration; only simulated files so far), ``antdst`` (flat trees made from ANTARES DSTs), ``detector_file`` (DETX and DATX), ``controlhost`` and
``controlhost_legacy`` (KM3NeT DAQ records as they go over the wire), ``evt_ascii`` (simulated events as text), ``km3pipe_hdf5`` (events of KM3NeT in HDF5),
``km3net_offline`` (KM3NeT events after calibration and reconstruction, ROOT), ``km3net_dst`` (summaries of them), ``clb_packets`` (packets of single modules),
``astro_hdf5`` (events of KM3NeT for astronomy, tables of astropy).
UCDs follow IVOA UCD1+; units are VOUnit strings. Index origins and time scales are part of each description.
"""

from __future__ import annotations

from antdask.errors import UnknownNameError
from antdask.model.antares_fields import ANTARES_RAW, ANTARES_TRIGGER_MASK, OM_COUNTS, SPE_HIT
from antdask.model.antdst_fields import SEL_FIELDS
from antdask.model.astro_fields import ASTRO, ASTRO_EVENT, ASTRO_FIT
from antdask.model.detector_fields import COMMENT_BYTE_FIELDS, COMMENT_FIELDS, DETECTOR_FIELDS, MODULE_FIELDS, PMT_FIELDS
from antdask.model.mc_fields import AANET, CALIBRATION, FIT, KM3PIPE, PARAMETER, STAGE, header_tables, mc_tables
from antdask.model.offline_fields import DST_TABLES, EVENT_HIT, EVT_EVENT, EVT_NUMBER, OFFLINE, TRACK, TRACK_TABLES, user_tables
from antdask.model.packet_fields import monitoring_tables, packet_tables
from antdask.model.schema import AMPLITUDE, REAL, Field, Schema, Table

# One line per field, however long.
# fmt: off

#: Version of everything declared here: major.minor. A reader refuses a newer major; a new optional column raises minor.
SCHEMA_VERSION = "1.0"

ONLINE = ("km3net_online", "controlhost", "controlhost_legacy")
#: All but the summary slices of the old DAQ, which had one status word for each module instead of five.
FULL_ONLINE = ONLINE[:2]
SEATRAY = ("seatray",)
#: Data of KM3NeT detectors as measured, or simulated in their form.
KM3NET = (*ONLINE, *AANET)
CHANNELS = (("channel", 31),)

RUN = Field("run", "u4", "1", "run number", "meta.id;obs", statistics=True)
FRAME_INDEX = Field("frame_index", "u4", "1", "index of the DAQ frame in the run; KM3NeT counts from 1 (frame k starts (k-1) x 100 ms after the run), the origin for ANTARES is not public", "meta.number", missing="0 (simulations without frames: .evt, some km3pipe files)", statistics=True)
TRIGGER_COUNTER = Field("trigger_counter", "i8", "1", "trigger counter; unique only together with run and frame_index", "meta.id", missing="-1 (SeaTray placeholder rows; simulations without trigger)", statistics=True)
DETECTOR_ID = Field("detector_id", "i4", "1", "detector identifier as written by the DAQ; negative in simulations", "meta.id;instr", origins=KM3NET, missing="-2147483648 (km3pipe files without it)")
UTC_NS = Field("utc_ns", "i8", "ns", "UTC of the start of the frame, in ns since 1970-01-01T00:00:00 without leap seconds (POSIX); KM3NeT: seconds x 10^9 + 16 ns cycles x 16, exact; ANTARES: start of the run + 104,857,600 ns x (frame_index - index of the first frame, see the layout map); km3pipe: as the file states it, simulations may count from 1970", "time.epoch", origins=(*KM3NET, *ANTARES_RAW), statistics=True)
CLOCK_STATUS = Field("clock_status", "u1", "1", "bit 31 of the DAQ seconds word", "meta.code.status", origins=ONLINE, flags=((1, "white_rabbit"),))
PREAMBLE_LENGTH = Field("preamble_length", "i4", "byte", "length that the DAQ preamble states; 0 where the writer left it open", "phys.size;meta.file", origins=ONLINE)
SOURCE_INPUT = Field("source_input", "u2", "1", "index into the attribute 'inputs' of the part", "meta.id;meta.file")
SOURCE_ENTRY = Field("source_entry", "u8", "1", "entry in the source, from 0", "meta.record")

DOM_ID = Field("dom_id", "i4", "1", "identifier of the KM3NeT optical module", "meta.id;instr.det", origins=KM3NET)
CHANNEL_ID = Field("channel_id", "u1", "1", "photomultiplier in the module, from 0 to 30", "meta.id;instr.det", origins=KM3NET, codec=AMPLITUDE)
TDC = Field("tdc", "u4", "ns", "leading edge of the pulse, from the start of the frame", "time.interval", origins=(*ONLINE, *OFFLINE))
FRAME_TIME = Field("frame_time_ns", "f8", "ns", "time of the hit from the start of the frame, calibrated where the file is", "time.interval", origins=AANET, codec=REAL)
TOT = Field("tot", "u1", "ns", "time over threshold of the pulse; 255 is the end of the range", "time.duration", origins=KM3NET, codec=AMPLITUDE)
TRIGGERED = Field("triggered", "u1", "1", "1 where the hit is part of a trigger of this event", "meta.code", flags=((1, "triggered"),))
TRIGGER_MASK = Field("trigger_mask", "u8", "1", "bit pattern of the KM3NeT triggers; km3pipe: as written, and older files write 1 for any hit of a trigger", "meta.code.class", origins=KM3NET, missing="0 (km3pipe files without it)")

LINE = Field("line", "u1", "1", "ANTARES line (SeaTray 'string'), from 1 to 12", "meta.id;instr.det", origins=(*SEATRAY, *ANTARES_RAW), codec=AMPLITUDE)
FLOOR = Field("floor", "u1", "1", "storey on the line, from 1 to 25; SeaTray: derived, 1 + (om - 1) // 3", "meta.id;instr.det", origins=(*SEATRAY, *ANTARES_RAW), codec=AMPLITUDE)
OM = Field("om", "u1", "1", "optical module on the line, from 1 to 75; raw data: derived, 3 x (floor - 1) + ars // 2 + 1", "meta.id;instr.det", origins=(*SEATRAY, *ANTARES_RAW), codec=AMPLITUDE)
VECTOR_INDEX = Field("vector_index", "u8", "1", "index of the pulse in the SeaTray vector of its module", "meta.number", origins=SEATRAY)
TIME_NS = Field("time_ns", "f8", "ns", "calibrated leading edge of the pulse, relative to the event", "time.interval", origins=SEATRAY, codec=REAL)
WIDTH_NS = Field("width_ns", "f8", "ns", "duration of the pulse", "time.duration", origins=SEATRAY, missing="NaN", codec=REAL)
CHARGE_PE = Field("charge_pe", "f8", "1", "calibrated charge in photo-electrons; slightly negative values occur; KM3NeT offline files: Hit.a, as the program wrote it", "phys.electCharge", origins=(*SEATRAY, *OFFLINE), codec=REAL)
HIT_ID = Field("hit_id", "i4", "1", "identifier of the pulse as the source gives it", "meta.id", origins=(*SEATRAY, *OFFLINE))

FRAME_WORDS = (
    Field("daq", "u4", "1", "UDP status: high 16 bits largest sequence number, low 16 bits packets received", "meta.code.status", origins=FULL_ONLINE),
    Field("status", "u4", "1", "bits 0-30 high-rate veto of the channels, bit 31 White Rabbit in order", "meta.code.status", origins=ONLINE),
    Field("fifo", "u4", "1", "bits 0-30 FIFO almost full of the channels, bit 31 UDP trailer seen", "meta.code.status", origins=FULL_ONLINE),
    Field("status3", "u4", "1", "third status word of the frame, as written", "meta.code.status", origins=FULL_ONLINE),
    Field("status4", "u4", "1", "fourth status word of the frame, as written", "meta.code.status", origins=FULL_ONLINE),
)
FRAME_CLOCK_STATUS = Field("clock_status", "u1", "1", "bit 31 of the DAQ seconds word of the frame; it differs from that of the slice", "meta.code.status", origins=ONLINE, flags=((1, "white_rabbit"),))
CALIBRATED_PULSE = (LINE, FLOOR, OM, VECTOR_INDEX, TIME_NS, WIDTH_NS, CHARGE_PE, HIT_ID)
DAQ_HIT = (DOM_ID, CHANNEL_ID, TDC, TOT)

EVENTS = Schema(
    "events",
    "triggered events with all hits around them",
    ("frame_index", "trigger_counter"),
    (
        Table(
            "events",
            "event",
            "one row per event; key (run, frame_index, trigger_counter)",
            (
                RUN,
                FRAME_INDEX,
                TRIGGER_COUNTER,
                DETECTOR_ID,
                UTC_NS,
                CLOCK_STATUS,
                TRIGGER_MASK,
                ANTARES_TRIGGER_MASK,
                Field("overlays", "u4", "1", "number of merged triggers", "meta.number", origins=KM3NET, missing="4294967295 (km3pipe files without it)"),
                Field("exists", "u1", "1", "0 for a placeholder that SeaTray wrote for an absent object", "meta.code", origins=SEATRAY, flags=((1, "present"),)),
                Field("n_hits", "u4", "1", "number of hits of the event", "meta.number", statistics=True),
                Field("n_triggered", "u4", "1", "number of triggered hits of the event", "meta.number", statistics=True),
                Field("charge_sum_pe", "f8", "1", "sum of the calibrated charges of the event in photo-electrons", "phys.electCharge;arith.sum", origins=SEATRAY, missing="NaN where one of the charges is NaN, or nothing exists", codec=REAL, statistics=True),
                EVT_NUMBER,
                *EVT_EVENT,
                PREAMBLE_LENGTH,
                SOURCE_INPUT,
                SOURCE_ENTRY,
            ),
        ),
        Table(
            "hits",
            "hit",
            "all hits in the window of the event (snapshot), in the order of the source",
            (*DAQ_HIT, FRAME_TIME, *CALIBRATED_PULSE, *SPE_HIT, TRIGGERED, TRIGGER_MASK, *EVENT_HIT),
            parent="events",
        ),
        Table(
            "triggered_hits",
            "triggered_hit",
            "the list of triggered hits as the DAQ wrote it, in its order",
            (*DAQ_HIT, TRIGGER_MASK, Field("hit_index", "i4", "1", "the same hit in 'hits' of this event, from 0", "meta.ref", missing="-1: not in the snapshot", origins=ONLINE)),
            parent="events",
            origins=ONLINE,
        ),
        Table("calibrations", "calibration", "what km3pipe adds to each hit with a detector file, hit by hit; no rows where the file has no such columns", CALIBRATION[:11], parent="events", origins=KM3PIPE),
        *user_tables("events", "event"),
    ),
)

SLICE_KEY = (RUN, FRAME_INDEX, DETECTOR_ID, UTC_NS, CLOCK_STATUS, PREAMBLE_LENGTH)

TIMESLICE_TABLES = (
    Table(
        "slices",
        "slice",
        "one row per timeslice",
        (
            *SLICE_KEY,
            Field("n_frames", "u4", "1", "number of module frames in the slice", "meta.number", statistics=True),
            Field("n_hits", "u4", "1", "number of hits in the slice", "meta.number", statistics=True),
            SOURCE_INPUT,
            SOURCE_ENTRY,
        ),
    ),
    Table(
        "frames",
        "frame",
        "one row per slice and optical module (KM3NeT) or storey (ANTARES)",
        (
            DOM_ID,
            LINE,
            FLOOR,
            *FRAME_WORDS,
            FRAME_CLOCK_STATUS,
            Field("frame_length", "i4", "byte", "length that the preamble of the frame states", "phys.size;meta.file", origins=ONLINE),
        ),
        parent="slices",
    ),
    Table("hits", "hit", "hits of the frame, in the order of the source", (CHANNEL_ID, TDC, TOT, *SPE_HIT), parent="frames"),
)


def timeslices(name: str, text: str) -> Schema:
    """The schema of one kind of timeslice; each kind is a stream of its own, since one hit may stand in several."""
    return Schema(name, text, ("frame_index",), TIMESLICE_TABLES)


RATES = Schema(
    "rates",
    "per-frame rates (KM3NeT) or counts (ANTARES) of all channels",
    ("frame_index",),
    (
        Table(
            "slices",
            "slice",
            "one row per frame of the DAQ (summary slice)",
            (
                *SLICE_KEY,
                Field("n_frames", "u4", "1", "number of module frames in the slice", "meta.number", origins=ONLINE, statistics=True),
                *OM_COUNTS,
                SOURCE_INPUT,
                SOURCE_ENTRY,
            ),
        ),
        Table(
            "frames",
            "frame",
            "one row per optical module and slice",
            (
                DOM_ID,
                *FRAME_WORDS,
                Field("udp_complete", "u1", "1", "1 where as many UDP packets came as the largest sequence number asks for and the trailer was seen", "meta.code.qual", origins=FULL_ONLINE, flags=((1, "complete"),)),
                Field("rate_code", "u1", "1", "rate byte r as written: 0 is 0 Hz, else 2000 x exp(r ln(1000) / 255) Hz", "arith.rate", dims=CHANNELS, origins=ONLINE, codec=AMPLITUDE),
                Field("flags", "u1", "1", "validity of the rate, derived from status and fifo; 0 is a good measurement", "meta.code.qual", dims=CHANNELS, origins=FULL_ONLINE, flags=((1, "high_rate_veto"), (2, "fifo_almost_full"), (4, "no_rate"))),
            ),
            parent="slices",
            origins=ONLINE,
        ),
    ),
)


#: Sources of fitted tracks.
FITS = (*SEATRAY, *AANET, *ASTRO)


def _track(name: str, unit: str, text: str, ucd: str = "", origins: tuple[str, ...] = SEATRAY) -> Field:
    return Field(name, "f8", unit, text, ucd, origins=origins, missing="NaN where unset, 0 in SeaTray placeholders", codec=REAL)


def _count(name: str, text: str, dtype: str = "i4") -> Field:
    return Field(name, dtype, "1", text, "meta.number", origins=SEATRAY, missing="-1 where unset, 0 in placeholders")


def _flag(name: str, text: str) -> Field:
    return Field(name, "u1", "1", text, "meta.code", origins=SEATRAY, flags=((1, name),))


RECO = Schema(
    "reco",
    "reconstructed tracks and showers",
    ("frame_index", "trigger_counter"),
    (
        Table(
            "tracks",
            "track",
            "one row per fit; joins to events by (run, frame_index, trigger_counter)",
            (
                RUN,
                FRAME_INDEX,
                TRIGGER_COUNTER,
                Field("algorithm", "u2", "1", "which fit gave the track", "meta.code.class", flags=((0, "see_fit_name"), (1, "AafitFinalFit"))),
                *FIT,
                *TRACK,
                Field("exists", "u1", "1", "0 for a placeholder of an event without this fit: every other value of the row is void", "meta.code", flags=((1, "present"),), statistics=True),
                _track("x", "m", "x of the fit position: UTM easting, offset as in the source", "pos.cartesian.x", FITS),
                _track("y", "m", "y of the fit position: UTM northing, offset as in the source", "pos.cartesian.y", FITS),
                _track("z", "m", "z of the fit position, up, 0 at the sea surface", "pos.cartesian.z", FITS),
                _track("time_ns", "ns", "time at the fit position, relative to the event", "time.interval", FITS),
                _track("zenith", "rad", "zenith angle of the origin of the particle", "pos.az.zd"),
                _track("azimuth", "rad", "azimuth of the origin of the particle, counter-clockwise from UTM east", "pos.az.azi"),
                _track("energy", "GeV", "energy of the particle", "phys.energy", FITS),
                _track("speed", "Gm.s-1", "speed of the particle", "phys.veloc"),
                _track("length", "m", "length of the track", "phys.size", (*SEATRAY, *AANET)),
                _count("type", "particle type as in SeaTray"),
                _count("shape", "particle shape as in SeaTray (40 seen)"),
                _count("location", "location type as in SeaTray"),
                _count("fit_status", "fit status as in SeaTray"),
                _count("strategy", "strategy as in SeaTray"),
                _count("step", "step as in SeaTray"),
                _count("minimiser", "minimiser as in SeaTray"),
                _track("quality", "1", "fit quality; Lambda for AAFit", "stat.fit.goodness"),
                _track("lik", "1", "likelihood of the fit", "stat.likelihood", FITS),
                _track("chi2", "1", "chi square per degree of freedom; AAFit repeats Lambda here", "stat.fit.chi2"),
                _count("line", "line of the fit (single-line fits)"),
                _count("n_used_lines", "number of lines used in the fit"),
                _track("dist_to_line", "m", "smallest distance to the line (single-line fits)", "pos.distance"),
                _count("n_hits", "number of hits in the event"),
                _count("n_used_hits", "number of fitted hits"),
                _track("total_amplitude", "1", "sum of amplitudes of the hits in photo-electrons", "phys.electCharge"),
                _count("n_l1_hits", "number of L1 hits in the event"),
                _track("energy_error", "GeV", "estimate of the error of the energy", "stat.error;phys.energy"),
                _track("z_min", "m", "lowest fitted hit", "pos.cartesian.z;stat.min"),
                _track("z_max", "m", "highest fitted hit", "pos.cartesian.z;stat.max"),
                _flag("is_best_fit", "1 for the best fit at this step"),
                _flag("is_special_event", "1 for special events"),
                _flag("is_neutrino", "1 for neutrino candidates"),
                _flag("is_bright", "1 for energetic events"),
                *ASTRO_FIT,
                SOURCE_INPUT,
                SOURCE_ENTRY,
            ),
        ),
        Table(
            "used_hits",
            "used_hit",
            "the pulses that the fit used; vector_index and triggered are those of the fit's own list, and differ from the same pulse in the event",
            (*CALIBRATED_PULSE, TRIGGERED),
            parent="tracks",
            origins=SEATRAY,
        ),
        Table("stages", "stage", "stages that the fit went through (rec_stages)", STAGE, parent="tracks", origins=AANET),
        Table("parameters", "parameter", "what the fit says beyond the columns of 'tracks', in the order of the columns of the file", PARAMETER, parent="tracks", origins=(*KM3PIPE, *ASTRO)),
        *TRACK_TABLES,
    ),
)

DST = Schema(
    "dst",
    "one row per reconstructed event of a DST, as a flat table of all fits; joins to events by (run, frame_index, trigger_counter)",
    ("frame_index", "trigger_counter"),
    (Table("events", "event", "one row per event", (RUN, FRAME_INDEX, TRIGGER_COUNTER, *SEL_FIELDS, *ASTRO_EVENT, SOURCE_INPUT, SOURCE_ENTRY)), *DST_TABLES),
)


MC = Schema(
    "mc",
    "simulated events: particles, and hits and weights where the source gives them",
    ("frame_index", "trigger_counter"),
    mc_tables((RUN, FRAME_INDEX, TRIGGER_COUNTER), (SOURCE_INPUT, SOURCE_ENTRY)),
)

HEADERS = Schema("headers", "what files say about themselves: names and values of their headers, word by word", ("run",), header_tables(RUN, (SOURCE_INPUT, SOURCE_ENTRY)))

SLOW_CONTROL = Schema(
    "slow_control",
    "readings of sensors",
    ("utc_ns",),
    (
        Table(
            "readings",
            "reading",
            "one row per reading, as the source gives it",
            (
                Field("utc_ns", "i8", "ns", "UTC of the reading, in ns since 1970-01-01T00:00:00 without leap seconds (POSIX)", "time.epoch", statistics=True),
                Field("sensor_id", "u4", "1", "CRC-32 of the UTF-8 name of the sensor, to select by", "meta.id;instr", statistics=True),
                Field("sensor", "u1", "1", "name of the sensor in UTF-8, filled with zeros at the end", "meta.id;instr", dims=(("sensor_byte", 64),)),
                Field("value", "f8", "1", "the reading, in the unit that stands beside it", missing="NaN", codec=REAL),
                Field("value_unit", "u1", "1", "unit of the value in UTF-8 as the source writes it, filled with zeros at the end", dims=(("unit_byte", 16),)),
                Field("quality", "u1", "1", "flag of OceanSITES as the source gives it: 0 unknown (also where it gives none), 1 good, 2 probably good, 3 potentially correctable, 4 bad, 7 nominal, 8 interpolated, 9 missing", "meta.code.qual"),
                SOURCE_INPUT,
                SOURCE_ENTRY,
            ),
        ),
    ),
)

PACKETS = Schema("packets", "hits of single modules as they leave them, before the DAQ sorts them into frames", ("utc_ns", "dom_id", "udp_sequence"), packet_tables(RUN, (SOURCE_INPUT, SOURCE_ENTRY)))

MONITORING = Schema("monitoring", "what modules say of themselves: rates, compass, temperature, humidity, FIFOs", ("utc_ns", "dom_id"), monitoring_tables(RUN, (SOURCE_INPUT, SOURCE_ENTRY)))

DETECTOR = Schema(
    "detector",
    "geometry, time offsets and status of a detector, valid in an interval",
    ("detector_id",),
    (
        Table("detectors", "detector", "one row per detector file", (*DETECTOR_FIELDS, SOURCE_INPUT, SOURCE_ENTRY)),
        Table("comments", "comment", "comments of the file, in its order: how it was made", COMMENT_FIELDS, parent="detectors"),
        Table("comment_bytes", "comment_byte", "text of the comment", COMMENT_BYTE_FIELDS, parent="comments"),
        Table("modules", "module", "optical modules, storeys and base modules, in the order of the file", MODULE_FIELDS, parent="detectors"),
        Table("pmts", "pmt", "photomultipliers of the module; their place, from 0, is the channel", PMT_FIELDS, parent="modules"),
    ),
)

#: The run table is derived: it stands in the catalogue, not in parts.
RUNS = Table(
    "runs",
    "run",
    "one row per detector and run",
    (
        Field("detector", "U", "1", "detector label, e.g. km3net-44 or antares", "meta.id;instr"),
        RUN,
        Field("first_utc_ns", "i8", "ns", "start of the first frame, UTC ns since 1970 (POSIX)", "time.start", missing="null"),
        Field("last_utc_ns", "i8", "ns", "start of the last frame, UTC ns since 1970 (POSIX)", "time.end", missing="null"),
        Field("first_frame", "u4", "1", "smallest frame index seen in any stream", "meta.number;stat.min"),
        Field("last_frame", "u4", "1", "largest frame index seen in any stream", "meta.number;stat.max"),
        Field("n_frames", "u8", "1", "distinct frames with rates or timeslices; frames between first and last that are not counted are gaps", "meta.number"),
        Field("n_parts", "u4", "1", "number of parts", "meta.number"),
        Field("rows", "u8", "1", "number of rows over all streams", "meta.number"),
        Field("hits", "u8", "1", "number of hits over all streams", "meta.number"),
    ),
)

SCHEMAS: dict[str, Schema] = {
    s.name: s
    for s in (
        EVENTS,
        timeslices("timeslices", "timeslices of tree KM3NET_TIMESLICE, the kind is not recorded by the DAQ"),
        timeslices("timeslices_l0", "timeslices with all hits"),
        timeslices("timeslices_l1", "timeslices with coincident hits (L1)"),
        timeslices("timeslices_l2", "timeslices with coincident hits after cuts (L2)"),
        timeslices("timeslices_sn", "timeslices with supernova-trigger hits"),
        RATES,
        RECO,
        DST,
        MC,
        HEADERS,
        SLOW_CONTROL,
        PACKETS,
        MONITORING,
        DETECTOR,
    )
}


def schema(stream: str) -> Schema:
    """The schema of a stream.

    Raises
    ------
    UnknownNameError
        No such stream.
    """
    if stream not in SCHEMAS:
        raise UnknownNameError.of("stream", stream, SCHEMAS)
    return SCHEMAS[stream]
