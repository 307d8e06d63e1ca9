"""Site profiles: the ones that come along, those of users, and what is wrong with them, in words."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from antdask.cluster.profiles import Profile, format_duration, load_profile, parse_duration, profile_folder, profile_names
from antdask.cluster.worker_environment import WORKER_ENVIRONMENT
from antdask.errors import ConfigurationError, UnknownNameError


def write(folder: Path, text: str) -> str:
    file = folder / "site.toml"
    file.write_text(text)
    return str(file)


def test_the_profiles_of_the_house_can_all_be_used() -> None:
    assert profile_names() == ["ccin2p3", "generic", "localhost"]
    lyon, local = load_profile("ccin2p3"), load_profile("localhost")
    assert (lyon.partition, lyon.licenses, lyon.walltime, lyon.memory, lyon.security) == ("htc", ("sps",), 43_200, 3 * 2**30, "tls")
    assert (local.interface, local.security, local.processes, local.elastic) == ("lo", "none", 1, True)


def test_a_wheel_takes_the_profiles_along() -> None:
    # The folder beside the package is not part of it; the build puts a copy inside, where `profile_folder` looks first.
    text = (profile_folder().parents[1] / "pyproject.toml").read_text()
    assert '[tool.hatch.build.targets.wheel.force-include]\n"deploy" = "antdask/deploy"\n' in text


def test_a_file_of_a_user_extends_a_profile(tmp_path: Path) -> None:
    profile = load_profile(
        write(tmp_path, 'extends = "ccin2p3"\naccount = "km3net"\nwalltime = "2-00:00:00"\nenvironment = { X = "a b" }\n')
    )
    assert (profile.name, profile.account, profile.partition, profile.walltime) == ("site", "km3net", "htc", 172_800)
    assert "export X='a b'" in profile.prepare()


def test_a_job_asks_for_what_the_profile_says() -> None:
    assert load_profile("ccin2p3").options("name", "%j.log") == [
        *("--job-name=name", "--output=%j.log", "--ntasks=1", "--cpus-per-task=1", "--mem=3072M", "--time=0-12:00:00"),
        *("--partition=htc", "--account=antares", "--licenses=sps"),
    ]
    assert Profile("x", directives=("--exclude=n7",)).options("a", "b")[-1] == "--exclude=n7"


def test_jobs_are_told_to_stage_inputs_in_where_the_site_wants_it() -> None:
    plain = load_profile("generic")
    assert not any("STAGE_IN" in line for line in plain.prepare())
    assert "export ANTDASK_STAGE_IN=true" in dataclasses.replace(plain, stage_in=True).prepare()


def test_the_shell_of_a_job_expands_the_scratch_folder_and_nothing_else(tmp_path: Path) -> None:
    profile = dataclasses.replace(
        load_profile("generic"), scratch=f"{tmp_path}/${{JOB:-none}}", environment={"A": "$HOME;`ls`"}, prologue=("B=2",)
    )
    script = "\n".join([*profile.prepare(), 'echo "$TMPDIR|$A|$B|$MALLOC_ARENA_MAX"; test -d "$TMPDIR"'])
    said = subprocess.run(
        ["bash", "-e"], input=script, env={"JOB": "17", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True
    ).stdout
    assert said == f"{tmp_path}/17|$HOME;`ls`|2|{WORKER_ENVIRONMENT['MALLOC_ARENA_MAX']}\n"


def test_the_environment_of_a_profile_outranks_that_of_the_house() -> None:
    lines = Profile("x", environment={"MALLOC_ARENA_MAX": "2"}).prepare()
    assert [line for line in lines if "MALLOC_ARENA_MAX" in line] == ["export MALLOC_ARENA_MAX=2"]


def test_parts_are_taken_until_only_the_longest_one_and_the_margin_fit() -> None:
    profile = Profile("x", walltime=1000, longest_part=300, margin=50, stagger=100)
    assert (profile.notice, profile.last_start) == (350, 650)


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'ccin2p3'"):
        load_profile("ccinp3")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('partitoin = "htc"', r"Unknown key of a profile 'partitoin' \(in .*site.toml\). Did you mean 'partition'"),
        ("walltime = true", "'walltime' is of the wrong kind .*expected a number of seconds or .*found True"),
        ('walltime = "2 days"', r"Not a duration \(in .*site.toml, walltime\): expected \[days-\]hours:minutes:seconds, found '2 days'"),
        ('licenses = "sps"', "'licenses' is of the wrong kind .*expected a list of texts"),
        ('memory = "much"', "Not an amount of memory"),
        ("workers = 0", r"'workers' is too small \(in profile 'site'\): expected at least 1, found 0"),
        ("margin = -1", "'margin' is too small"),
        ('security = "some"', "Unknown 'security'"),
        ('shared = "my folder"', "The name of the folder 'shared' .*found 'my folder'"),
        ("processes = 2\ncores = 2", "An elastic job has one process"),
        ("processes = 2\ncores = 3\nelastic = false", "evenly"),
        ('walltime = "00:30:00"', "No time is left for work .*longest_part . margin . stagger"),
        ('walltime = "3-00:00:00"\nlongest_part = "1-00:00:00"', "too long for SLURM to announce"),
        ('extends = "nowhere"', "Unknown profile 'nowhere'"),
        ("= 3", "Cannot read the configuration file"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises((ConfigurationError, UnknownNameError), match=words):
        load_profile(write(tmp_path, text))


def test_profiles_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="in a circle"):
        load_profile(write(tmp_path, f'extends = "{tmp_path}/site.toml"\n'))


@pytest.mark.parametrize(("text", "seconds"), [("00:00:01", 1), ("100:00:00", 360_000), ("7-23:59:59", 691_199)])
def test_durations_survive_the_way_to_slurm_and_back(text: str, seconds: int) -> None:
    assert parse_duration(text) == parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "1", "1:00", "00:61:00", "1-1-00:00:00", "-1:00:00"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="Not a duration"):
        parse_duration(text)
