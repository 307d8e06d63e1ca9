"""Headers as text: what stands in the files, from any number of sources and runs, and nothing that moves a terminal."""

from __future__ import annotations

import json

import numpy as np
import pytest
import uproot
from click.testing import CliRunner
from km3net_testdata import data_path

from antdask.cli import main
from antdask.cluster.serial import SerialCluster
from antdask.convert.campaign import convert
from antdask.convert.lineages import use_lineage
from antdask.convert.scan import make_plan
from antdask.errors import UnknownNameError
from antdask.query.archive import Archive, open_archive
from antdask.query.headers import HeaderLine, header_lines, header_text

ONLINE, DST = "online/km3net_online.root", "dst/orca4_sample.root"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    url = str(tmp_path_factory.mktemp("headers") / "archive")
    with SerialCluster() as cluster:
        convert(make_plan([data_path(ONLINE), data_path(DST)], url), cluster)
    return open_archive(url)


def test_a_text_is_what_stands_in_the_file(archive: Archive) -> None:
    with uproot.open(data_path(ONLINE)) as file:
        expected = file["META"]["JDataWriter"].member("fTitle")
    found = archive.headers("META/*", run=6633)
    assert found.name.tolist() == ["META/JDataWriter;1", "META/JMeta;1"]
    assert found.value.tolist() == [expected, "JDataWriter"]
    assert found.note.tolist() == ["TNamed\n2019-11-17T00:08:51"] * 2
    assert set(zip(found.detector, found.run, found.origin, strict=True)) == {("km3net-44", 6633, "km3net_online")}


def test_headers_of_several_sources_stand_side_by_side(archive: Archive) -> None:
    found = archive.headers(run=6370)
    assert found.groupby("origin").header.nunique().to_dict() == {"km3net_dst": 1, "km3net_offline": 3}
    assert found.header.nunique() == 4
    assert found[found.name == "HeadDir/DAQ;1"].value.tolist() == ["21582.2"]
    assert archive.stream("headers").select(run=6370).count().rows == 4


def test_a_pattern_chooses_lines_and_counts_only_headers_with_some(archive: Archive) -> None:
    lines = list(header_lines(archive.stream("headers"), "*.writeL1.*"))
    assert [(line.header, line.name.rpartition(".")[2], line.value) for line in lines] == [(0, "prescale", "20"), (0, "counter", "0")]
    assert list(header_lines(archive.stream("headers"), "meta/*")) == []
    assert archive.headers("no such line").columns.tolist() == list(HeaderLine._fields)


def test_an_archive_without_headers_says_so(small: Archive) -> None:
    with pytest.raises(UnknownNameError, match="headers"):
        small.headers()


def test_the_command_shows_texts_below_their_names(archive: Archive) -> None:
    shown = CliRunner().invoke(main, ["headers", archive.url, "--run", "6633", "--name", "META/*"])
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert lines[:3] == [
        "km3net-44, run 6633, km3net_online",
        "  META/JDataWriter;1 (TNamed 2019-11-17T00:08:51):",
        "    GIT=12.0.0-alpha.10-D",
    ]
    assert lines[-1] == "  META/JMeta;1: JDataWriter (TNamed 2019-11-17T00:08:51)"
    told = CliRunner().invoke(main, ["headers", archive.url, "--detector", "km3net-44", "--name", "HeadDir/*", "--json"])
    assert [line["value"] for line in json.loads(told.output)] == ["21582.2", "0"]


def test_nothing_in_a_text_moves_a_terminal() -> None:
    assert header_text([HeaderLine("antares", 1, "gseagen", 0, "PropCode", "a\x1b[2J\r\x9b", "string\x07")]) == "antares, run 1, gseagen\n  PropCode: a\\x1b[2J\\x0d\\x9b (string\\x07)"  # fmt: skip


def test_a_current_lineage_hides_no_header_of_another_source(archive: Archive) -> None:
    index = archive.stream("headers").index
    codes, origins = index.words["origin"]
    own = int(np.flatnonzero(codes == origins.index("km3net_offline"))[0])
    lineage = index.words["lineage"][1][index.words["lineage"][0][own]]
    use_lineage(archive.url, "headers", lineage)
    assert open_archive(archive.url).headers(run=6370).header.nunique() == 4
