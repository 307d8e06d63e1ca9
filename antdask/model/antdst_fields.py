"""Fields of the flat tree ``sel`` that is made from ANTARES DSTs, under the names of its branches.

Names, types and meaning follow the program that writes the tree (``ExtractAntDSTInfo.cc`` of preprocess-antares-dst, MIT licence); so do the traps:

- Only the flag of a fit says whether the event has it. Without the fit, all its other columns still hold the values of an earlier event.
- ``bbfit_shower_angerr_deg``, ``_zenith_deg``, ``_cos_zenith``, ``_azimuth_deg``, ``_nusedlines`` and ``_nusedhits`` repeat the track fit of BBFit.
- All ``*_bjy`` are 0, ``gridfit_totalamp``, ``showerdusj_totalamp`` and ``showertantra_totalamp`` are 0: nothing fills them.
- Of data, not simulation: the columns of the true particle are 0, and ``w_muon``, ``DataMCRatio`` hold whatever the memory held.
- A run without data quality has ``run_duration``, ``RunQuality`` and ``Scan`` -1, and the other quality columns of the run before.
"""

from __future__ import annotations

from antdask.model.schema import REAL, Field

# One line per field, however long.
# fmt: off

ANTDST = ("antdst",)


def _real(name: str, unit: str, text: str, ucd: str = "", dtype: str = "f8", *, statistics: bool = False) -> Field:
    return Field(name, dtype, unit, text, ucd, origins=ANTDST, codec=REAL, statistics=statistics)


def _flag(name: str, text: str) -> Field:
    return Field(name, "u1", "1", text, "meta.code", origins=ANTDST, flags=((1, name),))


_EVENT = (
    _real("MJD", "d", "modified Julian date of the event, UTC", "time.epoch", statistics=True),
    Field("Date", "i4", "1", "date of the event as YYMMDD", "time.epoch", origins=ANTDST),
    Field("run_of_file", "i4", "1", "run number in the name of the file (branch 'run')", "meta.id;obs", origins=ANTDST),
    Field("event_id", "u8", "1", "event number of the DST", "meta.id", origins=ANTDST),
)
_QUALITY = (
    _real("BaselineRate", "kHz", "baseline of the counting rate of the run; the unit is an assumption", "arith.rate"),
    _real("RatioActive", "1", "active over theoretical number of optical modules; a division of integers where both counts are integers", dtype="f4"),
    _real("BurstFraction", "1", "fraction of the time with a rate above 1.2 x baseline"),
    _real("run_duration", "s", "length of a frame x number of slices; -1 without data quality", "time.duration"),
    _real("run_duration_dq", "1", "duration of the run as data quality gives it; its unit is not stated", "time.duration"),
    _real("RunDurationYear", "yr", "run_duration in years of 365.25 days", "time.duration"),
    _real("RunQuality", "1", "basic quality of the run, QualityBasic; -1 without data quality", "meta.code.qual"),
    Field("Scan", "i4", "1", "scan flag of the run; -1 without data quality", "meta.code", origins=ANTDST),
)
_TRUTH = (
    Field("type", "i4", "1", "type of the primary particle, PDG numbering", "meta.code.class", origins=ANTDST),
    _flag("is_neutrino", "1 unless the primary is a muon; 1 for data too"),
    _flag("is_cc", "1 for charged-current interactions by the name of the file, and for muons; 0 for data"),
    Field("interaction_type", "i4", "1", "by the name of the file: 0 NC, 1 CC, 2 CC to muon, 3 CC to shower, -1 muons; 0 for data", "meta.code.class", origins=ANTDST, flags=((0, "NC"), (1, "CC"), (2, "CCmu"), (3, "CCshow"), (-1, "muons"))),
    _real("w2", "1", "generation weight W2; its unit is not stated"),
    _real("w3", "1", "generation weight W3 (W2 x flux); its unit is not stated"),
    _real("w_muon", "1", "weight of atmospheric muons by the prescaling of the run: 3, 9, 4.5 or 3", dtype="f4"),
    _real("w_honda", "1", "weight with the Honda flux; its unit is not stated"),
    _real("ngen", "1", "number of generated events", "meta.number"),
    _real("DataMCRatio", "1", "livetime of data over livetime of simulation, per year and channel", dtype="f4"),
    _real("pos_x_true", "m", "x of the primary particle", "pos.cartesian.x"),
    _real("pos_y_true", "m", "y of the primary particle", "pos.cartesian.y"),
    _real("pos_z_true", "m", "z of the primary particle, up", "pos.cartesian.z"),
    _real("energy_true", "GeV", "energy of the primary particle", "phys.energy"),
    _real("cos_zenith_true", "1", "cosine of the zenith angle of the primary particle", "pos.az.zd"),
    _real("azimuthdeg_true", "rad", "azimuth of the primary particle; radian, in spite of its name", "pos.az.azi"),
    _real("bjorken_y_true", "1", "Bjorken y: 0.5 for every simulated event"),
    _real("E_min_gen", "GeV", "lowest generated energy: 5 for neutrinos, 4 for muons", "phys.energy;stat.min"),
    _real("E_max_gen", "GeV", "highest generated energy: 20,000 for neutrinos, 1,000,000 for muons", "phys.energy;stat.max"),
)
_TRIGGERS = (
    _flag("t3N_active", "1 where the event carries trigger 3D_SCAN (3N)"),
    _flag("tT2_active", "1 where the event carries trigger T2"),
    _flag("tT3_active", "1 where the event carries trigger T3"),
    _flag("tTQ_active", "1 where the event carries trigger TQ"),
)


def _fit(prefix: str, fit: str, quality: str, *extra: Field) -> tuple[Field, ...]:
    """The columns that every fit has, then its own."""
    return (
        _real(f"{prefix}_{quality}", "1", f"{quality} of {fit}", "stat.fit.goodness"),
        _real(f"{prefix}_bjy", "1", f"Bjorken y of {fit}: never filled, 0"),
        _real(f"{prefix}_pos_x", "m", f"x of {fit}", "pos.cartesian.x"),
        _real(f"{prefix}_pos_y", "m", f"y of {fit}", "pos.cartesian.y"),
        _real(f"{prefix}_pos_z", "m", f"z of {fit}, up", "pos.cartesian.z"),
        _real(f"{prefix}_angerr_deg", "deg", f"estimated angular error of {fit}", "stat.error;pos.az.zd"),
        _real(f"{prefix}_zenith_deg", "deg", f"zenith angle of {fit}", "pos.az.zd"),
        _real(f"{prefix}_cos_zenith", "1", f"cosine of the zenith angle of {fit}", "pos.az.zd"),
        _real(f"{prefix}_azimuth_deg", "deg", f"azimuth of {fit}", "pos.az.azi"),
        _real(f"{prefix}_nusedlines", "1", f"number of lines used by {fit}", "meta.number"),
        _real(f"{prefix}_nusedhits", "1", f"number of hits used by {fit}", "meta.number"),
        _real(f"{prefix}_totalamp", "1", f"total amplitude used by {fit} in photo-electrons", "phys.electCharge"),
        *extra,
        _real(f"{prefix}_nhits", "1", f"number of triggered hits, as {fit} gives it", "meta.number"),
        _flag(f"{prefix}_flag", f"1 where {fit} exists; else its other columns are void"),
    )


def _height(prefix: str, fit: str) -> tuple[Field, Field]:
    return (
        _real(f"{prefix}_zmin", "m", f"lowest hit of {fit}", "pos.cartesian.z;stat.min"),
        _real(f"{prefix}_zmax", "m", f"highest hit of {fit}", "pos.cartesian.z;stat.max"),
    )


def _shower(prefix: str, fit: str) -> tuple[Field, ...]:
    return (
        _real(f"{prefix}_energy", "GeV", f"energy of {fit}", "phys.energy"),
        _real(f"{prefix}_radius", "m", f"horizontal distance of {fit} from the origin of the coordinates", "pos.distance"),
        _real(f"{prefix}_height", "m", f"height of {fit} above the origin of the coordinates", "pos.cartesian.z"),
    )


_AAFIT = (
    _real("energy_aafit_dEdX_CEA", "GeV", "energy of the AAFit muon by its energy loss", "phys.energy"),
    _real("energy_aafit_ANN_ECAP", "GeV", "energy of the AAFit muon by a neural network", "phys.energy"),
    _real("aafit_tracklength", "m", "length of the AAFit track in the energy estimate", "phys.size"),
)

#: Every branch of ``sel`` but the three of the key (run_id, frame_index, event_counter_trigger).
SEL_FIELDS = (
    *_EVENT,
    *_QUALITY,
    *_TRUTH,
    *_TRIGGERS,
    *_fit("aafit", "AAFit (muon track)", "lambda", *_height("aafit", "AAFit"), *_AAFIT),
    *_fit("bbfit", "BBFit (muon track)", "quality", *_height("bbfit", "BBFit")),
    *_fit("gridfit", "GridFit (muon track)", "quality", *_height("gridfit", "GridFit")),
    *_fit("bbfit_shower", "BBFit (bright point)", "quality", *_height("bbfit_shower", "BBFit (bright point)")),
    *_fit("showerdusj", "Dusj (shower)", "quality", *_shower("showerdusj", "Dusj")),
    *_fit("showertantra", "TANTRA (shower)", "quality", *_shower("showertantra", "TANTRA")),
)
