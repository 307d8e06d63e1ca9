"""Fields of air showers as CORSIKA writes them: particles at the observation levels, where muons come from, and the words of its blocks.

Words are reals of 32 bits, and each can be had again: whole ones as integers, lengths in m as reals of 64 bits (x 100, rounded to 32 bits, is the word), all others as they are.
"""

from __future__ import annotations

from antdask.model.schema import REAL, Field, Table

CORSIKA_SHOWER = ("corsika",)

# One line per field, however long.
# fmt: off

_NONE = "-2147483648 (primary particle)"


def _number(name: str, text: str, ucd: str = "meta.number") -> Field:
    return Field(name, "i4", "1", text, ucd, origins=CORSIKA_SHOWER, missing=_NONE)


def _word(place: str) -> Field:
    return Field(f"word_{place}", "f4", "1", f"{place} word of a row whose last words are no place and no time, as in the file", origins=CORSIKA_SHOWER, missing="NaN (all other rows)", codec=REAL)


SHOWER = (
    Field("first_interaction_height", "f8", "m", "height of the first interaction above sea level (EVTH word 7 / 100); negative where the time counts from the margin of the atmosphere", "pos.cartesian.z", origins=CORSIKA_SHOWER, codec=REAL),
)

SHOWER_PARTICLE = (
    _number("description", "first word of the row: particle x 1000 + generation x 10 + observation level, or particle x 1000 + generation; negative for what EHISTORY adds", "meta.code"),
    _number("generation", "hadronic generation as in the description: two digits before the level, or the last three of rows without level; the program adds 50 and 500 to it for certain origins"),
    _number("observation_level", "observation level that the particle reached, from 1; 0 for rows of no level"),
    Field("weight", "f8", "1", "weight of the particle in a shower that is thinned", origins=CORSIKA_SHOWER, missing="NaN (not thinned, primary particle)", codec=REAL),
    _word("fifth"),
    _word("sixth"),
    _word("seventh"),
)

_VALUE = (Field("value", "f4", "1", "word as in the file; the first is the name of the block in ASCII", origins=CORSIKA_SHOWER, codec=REAL),)


def _words(name: str, row: str, text: str) -> Table:
    return Table(name, row, text, _VALUE, parent="events", origins=CORSIKA_SHOWER)


SHOWER_TABLES = (
    _words("evth", "evth_word", "words of the event header (EVTH): 273, or 312 of thinned showers, in the order of the CORSIKA guide"),
    _words("evte", "evte_word", "words of the event end (EVTE), likewise"),
    _words("longitudinal", "longitudinal_word", "words of the longitudinal profile (sub-blocks LONG one after the other); none where the run kept no profile"),
)
