"""Speaks with SLURM by its own commands: submits, lists and cancels jobs, asks for limits."""

from __future__ import annotations

import dataclasses
import os
import pwd
import re
import subprocess
from collections.abc import Iterable

from antdask.errors import ClusterError

#: States of a job that holds a place in the queue or on a node. All others are ends: also COMPLETING, in which a job does nothing more.
ALIVE = frozenset(
    {"PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "RESIZING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "STAGE_OUT"}
)
#: Reasons to wait that no waiting ends.
HOPELESS = frozenset(
    {
        *("PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints", "DependencyNeverSatisfied"),
        *("InvalidAccount", "InvalidQOS", "AccountNotAllowed", "QOSNotAllowed"),
        *("AssocMaxWallDurationPerJobLimit", "QOSMaxWallDurationPerJobLimit", "AssocMaxCpuPerJobLimit", "QOSMaxCpuPerJobLimit"),
        *("AssocMaxMemPerJob", "QOSMaxMemoryPerJob"),
    }
)
#: A controller that is busy answers late [s].
PATIENCE = 60
#: Job numbers in one command: the length of a command line is limited.
_AT_ONCE = 500
#: How SLURM says that a user, an account or a QOS has a limit.
_POLICY = "accounting/qos policy"


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """A job, or a task of a job array, as SLURM sees it.

    Parameters
    ----------
    id : str
        ``"17"``, or ``"17_3"`` for task 3 of array 17.
    name, state, node, reason : str
        State in SLURM's long words; reason to wait or to end, ``"None"`` where there is none.
    """

    id: str
    name: str
    state: str
    node: str
    reason: str

    @property
    def is_alive(self) -> bool:
        """Whether it holds a place in the queue or on a node."""
        return self.state in ALIVE

    @property
    def is_hopeless(self) -> bool:
        """Whether it waits for something that will not come."""
        return self.state == "PENDING" and self.reason in HOPELESS


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What SLURM lets one user queue.

    Parameters
    ----------
    array_tasks : int
        Most tasks of one array; they are numbered from 0.
    jobs : int
        Most jobs of this user in the queue; each task of an array counts.
    """

    array_tasks: int
    jobs: int


def submit(script: str, *options: str) -> str:
    """Submit a job script; the number of the job.

    Raises
    ------
    ClusterError
        SLURM is not there, or refuses, in its own words.
    """
    answer = _run(["sbatch", "--parsable", *options], text=script)
    return answer.strip().partition(";")[0]


def queue(name: str) -> dict[str, Job]:
    """Jobs of this user that have this name, by number; also those that ended a short while ago. Tasks of an array stand one by one.

    Raises
    ------
    ClusterError
        SLURM is not there.
    """
    answer = _run(["squeue", "--noheader", "--array", "--states=all", f"--user={_user()}", f"--name={name}", "--format=%i|%j|%T|%N|%r"])
    rows = (line.split("|", 4) for line in answer.splitlines() if line.count("|") >= 4)
    return {row[0]: Job(*row) for row in rows}


def names(prefix: str) -> dict[str, list[Job]]:
    """Living jobs of this user whose names begin with `prefix`, by name.

    Raises
    ------
    ClusterError
        SLURM is not there.
    """
    answer = _run(["squeue", "--noheader", "--array", f"--user={_user()}", "--format=%i|%j|%T|%N|%r"])
    found: dict[str, list[Job]] = {}
    for line in answer.splitlines():
        if line.count("|") >= 4:
            job = Job(*line.split("|", 4))
            if job.name.startswith(prefix) and job.is_alive:
                found.setdefault(job.name, []).append(job)
    return found


def cancel(jobs: Iterable[str]) -> None:
    """Cancel jobs; those that have ended are passed over.

    Raises
    ------
    ClusterError
        SLURM is not there.
    """
    numbers = list(jobs)
    for start in range(0, len(numbers), _AT_ONCE):
        # It cancels the others all the same.
        _run(["scancel", "--quiet", *numbers[start : start + _AT_ONCE]], tolerate="invalid job id")


def limits(account: str = "") -> Limits:
    """Limits of the controller, and of this user in an account where SLURM keeps accounts; those of a QOS are known to SLURM alone.

    Parameters
    ----------
    account : str
        The account that pays; the default one of this user if empty.

    Raises
    ------
    ClusterError
        SLURM is not there.
    """
    answer = _run(["scontrol", "show", "config"])
    settings = dict(re.findall(r"^(\w+) *= (\d+)$", answer, re.MULTILINE))
    jobs = int(settings.get("MaxJobCount", 10_000))
    if "accounting_storage/none" not in answer:
        ask = ["sacctmgr", "--noheader", "--parsable2", "show"]
        # Some sites answer no such questions: then the limit is told by the refusal.
        account = account or _run([*ask, "user", _user(), "format=DefaultAccount"], tolerate="").strip()
        own = _run([*ask, "assoc", f"user={_user()}", f"account={account}", "format=MaxSubmit"], tolerate="")
        jobs = min([jobs, *(int(word) for word in own.split() if word.isdigit())])
    return Limits(array_tasks=int(settings.get("MaxArraySize", 1001)), jobs=jobs)


def is_too_much(error: ClusterError) -> bool:
    """Whether SLURM refused because of a limit for one user, so that less might be taken."""
    return _POLICY in error.what.lower()


def count() -> int:
    """Jobs of this user in the queue; each task of an array counts.

    Raises
    ------
    ClusterError
        SLURM is not there.
    """
    return len(_run(["squeue", "--noheader", "--array", f"--user={_user()}", "--format=%i"]).split())


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _run(words: list[str], *, text: str | None = None, tolerate: str | None = None) -> str:
    """What a command says; a failure is no failure where it says `tolerate` (in small letters).

    Raises
    ------
    ClusterError
        It is not there, takes too long, or fails.
    """
    try:
        # In a session of its own: a Ctrl-C is meant for the driver, which still has to cancel its jobs.
        answer = subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=PATIENCE, start_new_session=True)
    except FileNotFoundError as error:
        raise ClusterError(
            f"SLURM is not on this machine: there is no command '{words[0]}'",
            hint="Log in to a submit host of your site, or use --cluster local or processes.",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(
            f"'{words[0]}' does not answer within {PATIENCE} s", hint="The controller of SLURM may be down: try `sinfo`."
        ) from error
    if answer.returncode and (tolerate is None or tolerate not in answer.stderr.lower()):
        said = "; ".join(line.removeprefix(f"{words[0]}: ").removeprefix("error: ") for line in answer.stderr.strip().splitlines())
        raise ClusterError(f"'{words[0]}' refuses: {said or f'exit code {answer.returncode}'}", hint=_hint(said))
    return answer.stdout


def _hint(said: str) -> str:
    """What helps against a refusal, as far as its words are known."""
    lower = said.lower()
    for words, hint in (
        (_POLICY, "Wait until your other jobs are done, or set fewer `workers` or a shorter `walltime` in the profile."),
        ("invalid account", "`sacctmgr show user withassoc` lists your accounts; set `account` in the profile."),
        ("partition", "`sinfo` lists the partitions; set `partition` in the profile."),
        ("license", "`scontrol show lic` lists what can be declared; set `licenses` in the profile."),
        ("time limit", "`sinfo` shows the longest walltime of each partition; set `walltime` in the profile."),
        ("memory", "Set less `memory` in the profile."),
        ("processors", "Set fewer `cores` in the profile."),
        ("node configuration", "No node has so much: set fewer `cores` or less `memory` in the profile."),
        ("contact", "The controller of SLURM may be down: try `sinfo`."),
    ):
        if words in lower:
            return hint
    return "Correct the profile, and look at it with: antdask cluster check --profile NAME."
