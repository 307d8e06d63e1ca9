"""Objects by what a file says of their classes: the trigger settings of real files against their bytes, read straight through, and members of other kinds."""

from __future__ import annotations

import contextlib
import struct

import pytest
from km3net_testdata import data_path

from antdask.errors import AntdaskError, CorruptFileError, UnknownLayoutError
from antdask.sources.root import open_root
from antdask.sources.root_object import Line, Member, members_of

SETTINGS = "JTRIGGER::JTriggerParameters"
ONLINE, SAMPLE, MUPAGE = (
    "online/km3net_online.root",
    "online/events_sample.root",
    "mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root",
)

_SHOWER, _MUON, _L2, _PRESCALER = "6x?iiddi", "6x?iiddddi", "16xidd", "16xqq"
_PMTS = "6x8xi30x3i3i10x"
#: All bytes of the object, by version of the class; 6 is a block, 10 a TObject.
FORMS = {
    11: f">16x{_SHOWER}{_SHOWER}{_MUON}6x?{_PMTS}d didddi?{_L2 * 2}{_PRESCALER * 6}",
    14: f">16x{_SHOWER}{_SHOWER}{_MUON}6x?{_PRESCALER}{_PMTS}d didddi??{_L2 * 3}{_PRESCALER * 6}",
}


def settings(file: str) -> tuple[bytes, list[Line]]:
    with open_root(data_path(file)) as opened:
        data = opened.object(SETTINGS).tobytes()
        return data, members_of(data, SETTINGS, opened.members)


@pytest.mark.parametrize(("file", "version"), [(ONLINE, 11), (SAMPLE, 11), (MUPAGE, 14)])
def test_the_settings_of_the_trigger_are_those_in_the_bytes(file: str, version: int) -> None:
    data, lines = settings(file)
    assert struct.unpack_from(">H", data, 4) == (version,)
    expected = [str(int(v) if isinstance(v, bool) else v) for v in struct.unpack(FORMS[version], data)]
    pmts = expected.index("-1") - 1
    assert expected.pop(pmts) == "3"
    assert " ".join(value.decode() for _, value, _ in lines).split() == expected


def test_each_setting_has_its_name_type_and_comment() -> None:
    lines = {name: (value, note) for name, value, note in settings(ONLINE)[1]}
    assert lines[b"trigger3DMuon.roadWidth_m"] == (b"43.0", b"double\nmaximal road width [m]")
    assert lines[b"combineL1"] == (b"1", b"bool\ncombine multiple L1s in many-fold coincidence")
    assert lines[b"triggerNB.pmts.vector<JTRIGGER::JPMTIdentifier_t>.pmtAddress"] == (b"0 3 4", b"int")
    assert lines[b"writeL1.prescale"] == (b"20", b"long long")


def block(version: int, body: bytes) -> bytes:
    return struct.pack(">IH", 0x4000_0000 | (len(body) + 2), version) + body


CLASSES = {
    ("Whole", 1): (
        Member("Part", "BASE", 0, 0, ""),
        Member("name", "TString", 65, 0, "/< a name"),
        Member("words", "string", 365, 0, ""),
        Member("places", "double", 28, 2, "two of them [m]"),
        Member("counts", "vector<int>", 500, 0, ""),
        Member("self", "Whole", 61, 0, ""),
    ),
    ("Part", 2): (Member("n", "unsigned short", 12, 0, ""),),
    ("Small", 1): (Member("what", "Part*", 64, 0, ""),),
}


def classes(kind: str, version: int) -> tuple[Member, ...]:
    return CLASSES[kind, version][: None if kind != "Whole" else 5]


def whole(words: bytes = b"longer " * 50) -> bytes:
    text = b"\xff" + struct.pack(">I", len(words)) + words
    return block(1, block(2, b"\1\0") + b"\3abc" + block(2, text) + struct.pack(">dd", 1.5, -2) + block(9, struct.pack(">Iii", 2, 7, -7)))


def test_base_classes_texts_arrays_and_vectors_are_read() -> None:
    assert members_of(whole(), "Whole", classes, "x.") == [
        (b"x.n", b"256", b"unsigned short"),
        (b"x.name", b"abc", b"TString\na name"),
        (b"x.words", b"longer " * 50, b"string"),
        (b"x.places", b"1.5 -2.0", b"double\ntwo of them [m]"),
        (b"x.counts", b"7 -7", b"vector<int>"),
    ]


@pytest.mark.parametrize(
    ("kind", "data", "what"),
    [
        ("Small", block(1, bytes(4)), "'what' of type Part. is not read"),
        ("Whole", block(1, block(2, b"\1\0") + b"\3abc" + block(2, b"\0") + bytes(16) + block(0x4009, bytes(8))), "as it is written here"),
    ],
)
def test_what_is_not_known_is_refused_by_name(kind: str, data: bytes, what: str) -> None:
    with pytest.raises(UnknownLayoutError, match=what):
        members_of(data, kind, classes)


def test_a_class_that_is_a_member_of_itself_ends() -> None:
    data = b""
    for _ in range(20):
        data = block(1, data)
    with pytest.raises(UnknownLayoutError, match="without end"):
        members_of(data, "Loop", lambda kind, version: (Member("self", "Loop", 61, 0, ""),))


@pytest.mark.parametrize("data", [whole(), settings(ONLINE)[0]])
def test_damage_is_an_error_of_ours_or_another_value(data: bytes) -> None:
    with open_root(data_path(ONLINE)) as opened:
        kind, known = ("Whole", classes) if data == whole() else (SETTINGS, opened.members)
        for size in range(len(data)):
            with pytest.raises((CorruptFileError, UnknownLayoutError)):
                members_of(data[:size], kind, known)
        for place in range(len(data)):
            with contextlib.suppress(AntdaskError, KeyError):
                members_of(data[:place] + bytes([data[place] ^ 0x81]) + data[place + 1 :], kind, known)


def test_a_version_that_the_file_does_not_describe_is_refused() -> None:
    with open_root(data_path(ONLINE)) as opened, pytest.raises(UnknownLayoutError, match="version 99 of class"):
        opened.members(SETTINGS, 99)
