"""Legacy bytes to batches: the registry of input formats, and which of them reads a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from antdask.errors import CorruptFileError, UnknownFormatError, UnknownLayoutError
from antdask.plan import FileEntry, Lender
from antdask.protocols import Registry, Source
from antdask.sources import files
from antdask.sources.held_files import held_open, loss_of

SOURCES: Registry[Source] = Registry(
    "source",
    "antdask.sources",
    {
        # By its trees; the next takes whatever else is ROOT.
        "antares_raw": "antdask.sources.antares_raw:SOURCE",
        "antdst_sel": "antdask.sources.antdst_sel:SOURCE",
        "gibuu_root": "antdask.sources.gibuu_root:SOURCE",
        "gseagen_root": "antdask.sources.gseagen_root:SOURCE",
        "km3net_dst": "antdask.sources.km3net_dst:SOURCE",
        "km3net_offline": "antdask.sources.km3net_offline:SOURCE",
        "km3net_online": "antdask.sources.km3net_online:SOURCE",
        "seatray_hdf5": "antdask.sources.seatray_hdf5:SOURCE",
        "km3pipe_hdf5": "antdask.sources.km3pipe_hdf5:SOURCE",
        "astro_hdf5": "antdask.sources.astro_hdf5:SOURCE",
        "detector_file": "antdask.sources.detector_file:SOURCE",
        "controlhost": "antdask.sources.controlhost:SOURCE",
        "clb_packets": "antdask.sources.clb_packets:SOURCE",
        "corsika": "antdask.sources.corsika:SOURCE",
        "evt_ascii": "antdask.sources.evt_ascii:SOURCE",
        "sensor_table": "antdask.sources.sensor_table:SOURCE",
    },
)

#: A source sees this many bytes to recognise its format; signatures stand at the very front.
HEAD_BYTES = 1024


def recognise(url: str) -> Source:
    """The source that reads a file, by its first bytes; names and suffixes count for nothing.

    Raises
    ------
    UnknownFormatError
        No source recognises it, or it is empty.
    InputMissingError, InputUnreadableError, InputError
        It cannot be looked at.
    """
    return next(_candidates(url))


def describe_all(url: str) -> list[FileEntry]:
    """What every source that reads the file says of it: one file may hold reconstructed events beside the slices of the DAQ, each a format of its own.

    Raises
    ------
    InputError
        As for `recognise` and `Source.describe`; if any source can describe the file, damage to what others would read is no error here: see `describe_each`.
    """
    return describe_each(url)[0]


def describe_each(url: str, like: Lender | None = None) -> tuple[list[FileEntry], list[CorruptFileError]]:
    """What every source that reads the file says of it, and the errors of those that it was meant for, but that cannot describe it because it is damaged.

    Of a ROOT file that is cut short, what is missing is the first of these errors.

    Parameters
    ----------
    like : Lender, optional
        A sound ROOT file, whose layout is taken for trees of which only baskets are left.

    Raises
    ------
    InputError
        As for `recognise` and `Source.describe`: no source can describe it.
    """
    found: list[FileEntry] = []
    damaged: list[CorruptFileError] = []
    unknown: list[UnknownLayoutError] = []
    with held_open():
        lends = like is not None and _borrows(url, like)
        for source in _candidates(url):
            try:
                entry = source.describe(url)
            except UnknownLayoutError as error:
                unknown.append(error)
            except CorruptFileError as error:
                damaged.append(error)
            else:
                found += [entry] if entry.segments or not found else []
        loss = loss_of(files.absolute(url))
    if loss is not None:
        damaged = [loss, *(error for error in damaged if error is not loss)]
    if not found or (loss is not None and not any(entry.segments for entry in found)):
        raise _together(damaged) if loss is not None else [*damaged, *unknown][0]
    return [dataclasses.replace(e, like=like) for e in found] if lends else found, damaged


def _together(damaged: list[CorruptFileError]) -> CorruptFileError:
    """What is missing of a file, and why no source can use what is left."""
    loss, *others = damaged
    if not others:
        return loss
    hint = f"{loss.hint} Of what is left nothing can be archived: {others[0].what} (in {others[0].where})."
    return CorruptFileError(loss.what, where=loss.where, found=loss.found, expected=loss.expected, hint=hint)


def _borrows(url: str, like: Lender) -> bool:
    """Hold a ROOT file open for those who look at it next; whether it takes the layout of any tree from the other."""
    if not files.head(url, HEAD_BYTES).startswith(b"root"):
        return False
    from antdask.sources.root import open_root  # uproot takes half a second

    try:
        return bool(open_root(files.absolute(url), like).lent)
    except CorruptFileError:
        # Whoever opens it next is told.
        return False


def _candidates(url: str) -> Iterator[Source]:
    """The sources that take the file for theirs, in the order of the registry."""
    first = files.head(url, HEAD_BYTES)
    if not first:
        raise UnknownFormatError("The file is empty", where=url, hint="Fetch it again, or leave it out.")
    found = False
    for name in SOURCES.names():
        source = SOURCES.get(name)
        if source.sniff(url, first):
            found = True
            yield source
    if found:
        return
    raise UnknownFormatError("No source recognises the file", where=url, found=f"first bytes {first[:8]!r}", expected=f"one of {', '.join(SOURCES.names())}", hint="See the how-to on adding an input format.")  # fmt: skip
