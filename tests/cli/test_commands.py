"""Every command on real files: what it prints, writes, and ends with."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import uproot
from click.testing import CliRunner, Result
from km3net_testdata import data_path

import antdask
from antdask.cli import main

SUMMARY = {"parts_done", "parts_failed", "quarantined", "rows", "hits", "bytes_in", "bytes_out", "seconds"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def document(*arguments: str) -> dict[str, Any]:
    """What a command says to machines; it must succeed."""
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def small(real_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """An archive of the ANTARES file, made by the command."""
    folder = str(tmp_path_factory.mktemp("small") / "archive")
    assert run("convert", real_files["antares.h5"], "--archive", folder, "--cluster", "serial", "-q").exit_code == 0
    return folder


@pytest.fixture
def copy(small: str, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(small, tmp_path / "copy"))


def test_help_names_the_commands_in_order_of_work() -> None:
    done = run("--help")
    assert re.findall(r"^  (\w+)  ", done.stdout, re.MULTILINE) == [
        "inspect",
        "plan",
        "replan",
        "cluster",
        "convert",
        "submit",
        "work",
        "finalise",
        "status",
        "report",
        "quarantine",
        "verify",
        "info",
        "query",
        "headers",
        "reprocess",
        "lineage",
        "compact",
        "gc",
        "environment",
        "explore",
        "simulate",
    ]


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "antdask", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"antdask, version {antdask.__version__}\n"


def test_help_imports_no_engine() -> None:
    script = "import sys, antdask.cli; print({'dask', 'distributed', 'zarr', 'uproot', 'pyarrow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "set()\n"


class TestInspect:
    def test_a_real_file_is_described(self, real_files: dict[str, str]) -> None:
        found = document("inspect", real_files["km3net_online.root"])
        assert (found["name"], found["format"], found["nbytes"]) == ("km3net_online.root", "km3net_online", 1_637_119)
        assert {(s["stream"], s["run"]["run"], s["start"], s["stop"]) for s in found["segments"]} == {
            ("headers", 6633, 0, 2),
            *((stream, 6633, 0, 3) for stream in ("events", "rates", "timeslices", "timeslices_l1", "timeslices_sn")),
        }
        text = run("inspect", real_files["km3net_online.root"]).stdout
        assert "KM3NET_TIMESLICE_L1" in text
        assert "note: tree 'KM3NET_TIMESLICE_L2' is empty" in text

    def test_all_that_a_file_would_become_is_shown(self) -> None:
        path = data_path("mupage/mcv8.1.mupage_tuned_100G.sirene.jterbr00013288.10.root")
        found = document("inspect", path)
        assert [found["format"], *(o["format"] for o in found["others"])] == ["km3net_offline", "km3net_online"]
        assert found["damaged"] == []
        text = run("inspect", path).stdout
        assert all(word in text for word in ("E/mc", "KM3NET_TIMESLICE_SN", "km3net_offline", "km3net_online"))

    def test_what_is_damaged_for_one_source_is_told_beside_the_rest(self, tmp_path: Path) -> None:
        name = data_path("dst/mcv5.1.km3_numuCC.ALL.dst.bdt.10events.root")
        data = bytearray(Path(name).read_bytes())
        with uproot.open(name) as file:
            key = file.key("T")
        data[key.fSeekKey + key.fKeylen + 200] ^= 0xFF
        (tmp_path / "x.root").write_bytes(data)
        done = run("inspect", str(tmp_path / "x.root"))
        assert (done.exit_code, "E/trks" in done.stdout) == (3, True)
        assert "object 'T'" in done.stderr

    @pytest.mark.parametrize("kind", ["missing", "folder", "empty", "text", "truncated"])
    def test_what_is_no_input_is_one_sentence(self, kind: str, real_files: dict[str, str], tmp_path: Path) -> None:
        path = tmp_path / "input.root"
        if kind == "folder":
            path.mkdir()
        elif kind != "missing":
            whole = Path(real_files["km3net_online.root"]).read_bytes()
            path.write_bytes({"empty": b"", "text": b"hello", "truncated": whole[:200_000]}[kind])
        done = run("inspect", str(path))
        assert done.exit_code == 3
        assert re.fullmatch(r"error: [A-Z][^\n]+\.\n", done.stderr)
        assert "input.root" in done.stderr
        assert done.stdout == ""


class TestPlan:
    def test_nothing_is_written_but_what_is_asked_for(self, real_files: dict[str, str], tmp_path: Path) -> None:
        inputs, place = [real_files["antares.h5"], real_files["km3net_online.root"]], str(tmp_path / "archive")
        seen = document("plan", *inputs, "--archive", place)
        assert (seen["inputs"], seen["parts"], seen["entries"], seen["written"]) == (2, 8, 104 + 15 + 2, None)
        assert not list(tmp_path.iterdir())
        kept = document("plan", *inputs, "--archive", place, "-o", str(tmp_path / "a.plan"))
        assert kept["plan"] == seen["plan"]
        assert [p.name for p in tmp_path.iterdir()] == ["a.plan"]

    def test_smaller_parts_are_more_parts(self, real_files: dict[str, str], tmp_path: Path) -> None:
        found = document("plan", real_files["antares.h5"], "--archive", str(tmp_path / "a"), "--part-bytes", "100kB")
        assert found["parts"] == 9

    def test_an_input_that_cannot_be_read_is_named_and_the_others_planned(self, real_files: dict[str, str], tmp_path: Path) -> None:
        done = run("plan", real_files["antares.h5"], str(tmp_path / "no.root"), "--archive", str(tmp_path / "a"), "--json")
        found = json.loads(done.stdout)
        assert (done.exit_code, found["parts"], found["rejections"][0]["code"]) == (3, 2, "input-missing")
        assert done.stderr == "error: Some inputs cannot be archived and are left out: found 1. Each is named above with its reason.\n"

    def test_an_archive_must_be_named(self, real_files: dict[str, str]) -> None:
        done = run("plan", real_files["antares.h5"])
        assert (done.exit_code, done.stderr) == (2, "error: It is not said where the archive is. Add --archive URL.\n")


class TestConvert:
    def test_the_summary_says_what_was_archived(self, real_files: dict[str, str], tmp_path: Path) -> None:
        command = ("convert", real_files["antares.h5"], "--archive", str(tmp_path / "a"), "--cluster", "serial")
        found = document(*command)
        assert set(found) >= SUMMARY
        assert (found["parts_done"], found["rows"], found["hits"], found["quarantined"]) == (2, 104, 13_556, 0)
        assert found["bytes_in"] == Path(real_files["antares.h5"]).stat().st_size
        again = document(*command)
        assert (again["parts_done"], again["parts_skipped"]) == (2, 2)

    @pytest.mark.parametrize("cluster", ["processes", "local"])
    def test_clusters_make_the_same_bytes(self, cluster: str, small: str, real_files: dict[str, str], tmp_path: Path) -> None:
        done = run("convert", real_files["antares.h5"], "--archive", str(tmp_path), "--cluster", cluster, "--workers", "2")
        assert done.exit_code == 0
        assert re.search(r"^parts +2 of 2 done", done.stdout, re.MULTILINE)
        assert done.stderr.splitlines()[-1].startswith("parts 2/2")
        assert everything(tmp_path / "parts") == everything(Path(small) / "parts")

    def test_a_kept_plan_is_carried_out(self, small: str, real_files: dict[str, str], tmp_path: Path) -> None:
        run("plan", real_files["antares.h5"], "--archive", str(tmp_path / "a"), "-o", str(tmp_path / "a.plan"))
        assert document("convert", str(tmp_path / "a.plan"), "--cluster", "serial")["parts_done"] == 2
        assert everything(tmp_path / "a" / "parts") == everything(Path(small) / "parts")

    def test_a_dry_run_touches_nothing(self, real_files: dict[str, str], tmp_path: Path, small: str) -> None:
        found = document("convert", real_files["antares.h5"], "--archive", str(tmp_path / "a"), "--dry-run")
        assert (found["dry_run"], found["parts"], found["parts_done"]) == (True, 2, 0)
        assert not list(tmp_path.iterdir())
        assert document("convert", real_files["antares.h5"], "--archive", small, "--dry-run")["parts_done"] == 2

    def test_a_dry_run_refuses_what_the_run_would_refuse(self, real_files: dict[str, str], tmp_path: Path, small: str) -> None:
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "sea.jpg").touch()
        for words in (
            [real_files["antares.h5"], "--archive", str(tmp_path / "photos")],
            [real_files["antares.h5"], "--archive", "http://127.0.0.1:9/a"],
            [real_files["antares.h5"], "--archive", small, "--part-bytes", "500kB"],
        ):
            dry, wet = (run("convert", *words, "--cluster", "serial", *more) for more in (["--dry-run"], []))
            assert dry.exit_code == wet.exit_code != 0 and dry.stderr == wet.stderr and dry.stderr.startswith("error: ")
        # What was refused is not waited for.
        assert document("verify", small)["problems"] == []
        assert [p.name for p in tmp_path.rglob("*")] == ["photos", "sea.jpg"]
        (tmp_path / "bad.root").write_bytes(b"root")
        done = run("convert", real_files["antares.h5"], str(tmp_path / "bad.root"), "--archive", str(tmp_path / "a"), "--dry-run")
        assert done.exit_code == 3 and "left out" in done.stderr

    def test_bad_inputs_are_left_out_and_the_others_archived(self, real_files: dict[str, str], tmp_path: Path) -> None:
        bad = tmp_path / "bad.root"
        bad.write_bytes(Path(real_files["km3net_online.root"]).read_bytes()[:100_000])
        done = run("convert", real_files["antares.h5"], str(bad), "--archive", str(tmp_path / "a"), "--cluster", "serial", "--json")
        found = json.loads(done.stdout)
        assert (done.exit_code, found["parts_done"], found["rejected"], found["exit_code"]) == (3, 2, 1, 3)
        assert "Some inputs cannot be archived" in done.stderr

    def test_a_place_that_holds_something_else_is_refused(self, real_files: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("years of work")
        done = run("convert", real_files["antares.h5"], "--archive", str(tmp_path), "--cluster", "serial")
        assert done.exit_code == 3
        assert done.stderr.startswith("error: The destination is not empty and holds no antdask archive")
        assert everything(tmp_path) == {"thesis.tex": b"years of work"}

    def test_an_unknown_cluster_is_met_with_the_known_ones(self, real_files: dict[str, str], tmp_path: Path) -> None:
        done = run("convert", real_files["antares.h5"], "--archive", str(tmp_path / "a"), "--cluster", "cloud")
        assert done.exit_code == 2
        assert re.match(r"error: Unknown cluster 'cloud'\. Known: .*local, processes.*serial", done.stderr)

    def test_a_size_that_is_none_is_a_wrong_call(self, real_files: dict[str, str], tmp_path: Path) -> None:
        done = run("convert", real_files["antares.h5"], "--archive", str(tmp_path / "a"), "--part-bytes", "many")
        assert done.exit_code == 2
        assert "'many' is not a size" in done.stderr

    @pytest.mark.slow
    def test_control_c_ends_it_and_the_same_command_resumes(self, real_files: dict[str, str], tmp_path: Path) -> None:
        # 250 parts, so that it cannot be over before it is interrupted.
        command = [real_files["muon_cc_daqevents.root"], "--archive", str(tmp_path / "a"), "--cluster", "serial", "--part-bytes", "1kB"]
        # A shell starts what runs in the background deaf to Ctrl-C, and children inherit that: the tests may run so.
        with subprocess.Popen(
            [sys.executable, "-m", "antdask", "convert", *command],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread holds a lock here
        ) as process:
            until = time.monotonic() + 20
            while len(list(tmp_path.glob("a/receipts/**/*.json"))) < 3 and time.monotonic() < until:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert (out, err.splitlines()[-1]) == ("", "Interrupted. Parts that are done stay done.")
        assert "Traceback" not in err
        found = document("convert", *command, "--dry-run")
        assert 0 < found["parts_done"] < found["parts"]


class TestWork:
    def test_parts_done_one_by_one_make_the_same_archive(self, small: str, real_files: dict[str, str], tmp_path: Path) -> None:
        place, file = str(tmp_path / "a"), str(tmp_path / "a.plan")
        run("plan", real_files["antares.h5"], "--archive", place, "-o", file)
        assert document("work", file, "--part", "0", "--dry-run")["part"]["index"] == 0
        assert not (tmp_path / "a").exists()
        assert document("work", file, "--part", "0")["hits"] == 13_556
        half = run("status", place, "--json")
        assert (half.exit_code, json.loads(half.stdout)["campaigns"][0]["parts_missing"]) == (4, 1)
        told = "error: Some parts are not in the archive: found 1 missing. "
        assert (
            half.stderr == told + "Somebody was at work a moment ago; if no campaign runs any more, run the same convert again to resume.\n"
        )
        assert "23 rows, 0 hits" in run("work", file, "--part", "1").stdout
        assert document("status", place, "--rebuild")["campaigns"][0]["parts_missing"] == 0
        assert document("verify", place, "--fast")["problems"] == []
        assert everything(tmp_path / "a" / "parts") == everything(Path(small) / "parts")

    def test_a_part_that_is_not_in_the_plan_is_refused(self, real_files: dict[str, str], tmp_path: Path) -> None:
        run("plan", real_files["antares.h5"], "--archive", str(tmp_path / "a"), "-o", str(tmp_path / "a.plan"))
        done = run("work", str(tmp_path / "a.plan"), "--part", "2")
        assert done.exit_code == 3
        assert "expected 0 to 1, found 2" in done.stderr

    def test_what_is_no_plan_is_refused(self, real_files: dict[str, str], tmp_path: Path) -> None:
        for path in (real_files["antares.h5"], str(tmp_path / "nothing.plan")):
            done = run("work", path, "--part", "0")
            assert (done.exit_code, done.stderr.count("\n")) == (3, 1)
            assert "Make one with: antdask plan" in done.stderr


class TestVerify:
    @pytest.mark.parametrize("mode", ["--fast", "--deep", "--source"])
    def test_a_sound_archive_is_sound(self, mode: str, small: str) -> None:
        found = document("verify", small, mode, "--cluster", "serial")
        assert (found["mode"], found["parts"], found["problems"]) == (mode.strip("-"), 2, [])
        assert (found["values"] > 100_000) == (mode != "--fast")

    def test_it_looks_fast_if_nothing_is_said(self, small: str) -> None:
        assert document("verify", small)["mode"] == "fast"

    def test_a_flipped_bit_is_found_and_named(self, copy: Path) -> None:
        [part] = copy.glob("parts/antares/events/*/*/*.zarr.zip")
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 1
        part.write_bytes(content)
        assert document("verify", str(copy), "--fast")["problems"] == []
        done = run("verify", str(copy), "--deep", "--cluster", "serial", "-q", "--json")
        [problem] = json.loads(done.stdout)["problems"]
        assert done.exit_code == 5
        assert problem["part"] in str(part)
        assert "checksum" in problem["problem"]
        assert done.stderr == "error: The archive is not as it should be: found 1 problems.\n"

    def test_a_missing_part_is_found_fast(self, copy: Path) -> None:
        next(copy.glob("parts/antares/reco/*/*/*.zarr.zip")).unlink()
        done = run("verify", str(copy))
        assert done.exit_code == 5
        assert "the part file is missing" in done.stdout


class TestInfo:
    def test_it_says_what_is_there(self, archive: str) -> None:
        found = document("info", archive)
        assert set(found["streams"]) == {"events", "headers", "rates", "reco", "timeslices", "timeslices_l1", "timeslices_sn"}
        assert found["total"]["hits"] == antdask.open_archive(archive).info()["total"]["hits"]
        assert run("info", archive).stdout.startswith(f"antdask archive {archive}\n")

    def test_a_stream_is_shown_with_its_columns(self, small: str) -> None:
        found = document("info", small, "--stream", "events")
        assert (found["rows"], found["hits"]) == (81, 13_556)
        assert "hits/charge_pe" in found["columns"] or "hits.charge_pe" in found["columns"]
        assert "[seatray]" in run("info", small, "--stream", "events").stdout or "seatray" not in repr(
            antdask.open_archive(small).stream("events")
        )

    def test_a_place_without_archive_is_refused(self, tmp_path: Path) -> None:
        done = run("info", str(tmp_path))
        assert done.exit_code == 3
        assert "There is no antdask archive" in done.stderr


class TestQuery:
    def test_rows_are_those_of_the_library(self, small: str) -> None:
        frame = antdask.open_archive(small).stream("events").select(where="n_hits > 200").to_pandas(columns=["n_hits"])
        done = run("query", small, "--stream", "events", "--where", "n_hits > 200", "--columns", "n_hits", "--format", "csv")
        header, *lines = done.stdout.splitlines()
        assert header.split(",") == list(frame.columns)
        assert [int(line.split(",")[-1]) for line in lines] == frame["n_hits"].to_list()
        assert 0 < len(lines) < 81

    def test_machines_get_one_object_per_line(self, small: str) -> None:
        done = run("query", small, "--stream", "events", "--columns", "hits.charge_pe", "--limit", "3", "--json")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        array = antdask.open_archive(small).stream("events").to_awkward(["hits.charge_pe"])
        assert [[hit["charge_pe"] for hit in row["hits"]] for row in rows] == array["hits", "charge_pe"][:3].to_list()

    def test_parquet_goes_into_a_file(self, small: str, tmp_path: Path) -> None:
        done = run("query", small, "--stream", "events", "--format", "parquet", "-o", str(tmp_path / "rows.parquet"))
        assert (done.exit_code, done.stdout) == (0, "")
        assert done.stderr == f"81 rows in {tmp_path / 'rows.parquet'}\n"
        assert pq.read_table(tmp_path / "rows.parquet").num_rows == 81

    def test_people_get_a_table(self, small: str) -> None:
        lines = run("query", small, "--stream", "reco", "--limit", "2").stdout.splitlines()
        assert lines[0].split()[:2] == ["run", "frame_index"]
        assert len(lines) == 3

    def test_counting_and_explaining_print_no_rows(self, small: str) -> None:
        assert document("query", small, "--stream", "events", "--run", "45978", "--count") == {"rows": 81, "hits": 13_556}
        assert run("query", small, "--stream", "events", "--count").stdout == "81 rows, 13,556 hits\n"
        assert document("query", small, "--stream", "events", "--run", "1", "--count") == {"rows": 0, "hits": 0}
        cost = document("query", small, "--stream", "events", "--columns", "n_hits", "--explain")
        assert (cost["rows"], cost["exact"]) == (81, True)

    @pytest.mark.parametrize(
        "option", [("--where", "n_hit > 200"), ("--where", "import os"), ("--columns", "colour"), ("--run", "first"), ("--time", "today")]
    )
    def test_what_cannot_be_understood_is_one_sentence(self, option: tuple[str, str], archive: str) -> None:
        done = run("query", archive, "--stream", "events", *option)
        assert done.exit_code == 2
        assert done.stderr.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in done.stderr
        assert done.stdout == ""

    def test_a_reader_that_leaves_is_no_error(self, archive: str) -> None:
        command = [sys.executable, "-m", "antdask", "query", archive, "--stream", "timeslices", "--columns", "hits.tot", "--format", "csv"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            os.read(process.stdout.fileno(), 10)
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 141
