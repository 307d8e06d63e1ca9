"""Which detector a KM3NeT file is filed under: ``km3net-N``, and ``km3net-N-simulated`` where anything in the file says that it is simulated.

Simulated events carry the detector, the run and often the time of a real run, so nothing in the numbers tells them apart. One rule holds for all trees of a file, whichever
source reads them. The file is simulated if one of these says so, and the notes of the file tell which:

1. a header (``Head``, ``MultiHead``) with a line ``physics`` or ``simul``: a generator, or a program that made light;
2. the provenance that Jpp keeps (directory ``META``): a program that simulates, or an input named like a simulation (``mcv8.1…``, ``….sirene.…``);
3. tree ``E`` with simulated particles, hits or weights;
4. a detector with a negative number.

A file with none of these is filed as measured: an extract of trees without provenance cannot be told from real data.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from antdask.errors import CorruptFileError, UnknownLayoutError
from antdask.sources import layout_map
from antdask.sources.evt_header import program_of
from antdask.sources.object_columns import ObjectColumns
from antdask.sources.root import RootFile
from antdask.sources.root_header import headers_of
from antdask.sources.root_provenance import texts_of
from antdask.sources.salvage import pieces

#: Programs of Jpp that simulate light, or trigger what is simulated.
_PROGRAMS = re.compile(r"JSirene|JTriggerEfficiency(RunByRun)?|JRandomTimesliceWriter")
#: How KM3NeT names what is simulated: the version of the production first, or a step of the simulation between dots.
_NAMES = re.compile(r"^mcv?\d|^mcCustom|\.(mc|j?sirene|jte|jterbr\d*|km3sim|km3)\.")
META = "META"
_EVENTS, _TRUTH = "E", "E/mc"
_LAYOUT, _ORIGIN = "km3net_offline_1", "km3net_offline"


def simulated_by(file: RootFile, notes: list[str], truth: str | None = None) -> str:
    """What says that a file is simulated, in words; empty if nothing does.

    What cannot be read says nothing: `notes` name it.

    Parameters
    ----------
    truth : str, optional
        What `truth_of` says of tree ``E``, where it was asked already.
    """
    found = _header(file) or _provenance(file, notes)
    if not found:
        held = _truth(file, notes) if truth is None else truth
        found = f"tree 'E' holds {held}" if held else ""
    if not found and file.loss is not None and META not in file.objects:
        notes.append("whether it is simulated cannot be told: what says so may have stood where the file is cut")
    return found


def _header(file: RootFile) -> str:
    for lines in headers_of(file, []):
        # The source of headers reports a damaged one.
        program = "" if isinstance(lines, CorruptFileError) else program_of(lines)
        if program:
            return f"its header has '{program}'"
    return ""


def _provenance(file: RootFile, notes: list[str]) -> str:
    if file.objects.get(META) != "TDirectory":
        return ""
    try:
        texts = texts_of(file.directory(META))
    except CorruptFileError as error:
        notes.append(f"the provenance in META cannot be read: {error.what}")
        return ""
    for key, text in texts:
        if isinstance(text, CorruptFileError):
            notes.append(f"'META/{key.name}' cannot be read: {text.what}")
            continue
        title = text.decode("utf-8", "replace")
        if _PROGRAMS.fullmatch(key.name) or _PROGRAMS.fullmatch(title):
            return f"META names {key.name if _PROGRAMS.fullmatch(key.name) else title}"
        for word in title.split():
            if _NAMES.search(PurePosixPath(word).name):
                return f"META names {PurePosixPath(word).name}"
    return ""


def _truth(file: RootFile, notes: list[str]) -> str:
    """What of the events is simulated."""
    try:
        if file.objects.get(_EVENTS) != "TTree" or not file.entries(_EVENTS) or file.tree(_EVENTS).find("mc_trks") is None:
            return ""
        columns = ObjectColumns(file.tree(_EVENTS), layout_map.load(_LAYOUT).dataset(_TRUTH), _ORIGIN)
    except (CorruptFileError, UnknownLayoutError) as error:
        notes.append(f"whether tree 'E' holds simulated events cannot be told: {error.what}")
        return ""
    return truth_of(columns, notes)


def truth_of(columns: ObjectColumns, notes: list[str]) -> str:
    """The first vector of which the events hold anything simulated; empty if there is none. Reads counters, which takes as long as there are events."""
    return next((name for name in ("mc_trks", "mc_hits", "w", "w2list", "w3list") if _holds(columns, name, notes)), "")


def _holds(columns: ObjectColumns, name: str, notes: list[str]) -> bool:
    """Whether an entry has any element of a vector, as far as it can be read."""
    for start, stop, part in pieces(lambda a, b: columns.read(a, b, {name})[name], 0, columns.tree.entries):
        if isinstance(part, CorruptFileError):
            notes.append(f"'{name}' of entries {start} to {stop} of tree '{columns.tree.name}' cannot be read: {part.what}")
        elif (part.values.any() if not part.levels else len(part.values)) > 0:
            return True
    return False
