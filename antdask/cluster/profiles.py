"""Profiles of SLURM sites: what a job asks for, read from ``deploy/slurm/<name>.toml`` or from a file of the user."""

from __future__ import annotations

import dataclasses
import importlib.resources
import re
import shlex
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dask.utils import parse_bytes

from antdask.cluster.worker_environment import WORKER_ENVIRONMENT
from antdask.errors import ConfigurationError, UnknownNameError
from antdask.settings import read_toml

#: SLURM keeps the number of seconds of ``--signal`` in 16 bits.
LONGEST_NOTICE = 65_535
#: Kinds of security of the connections between driver and workers.
SECURITY = ("tls", "none")
_DURATION = re.compile(r"(?:(\d+)-)?(\d{1,3}):([0-5]\d):([0-5]\d)")


@dataclasses.dataclass(frozen=True, slots=True)
class Profile:
    """What the jobs of a site look like.

    Durations are written ``[days-]hours:minutes:seconds`` in the file, and are seconds here.

    Parameters
    ----------
    name : str
    account, partition : str
        Who pays (``-A``) and where to (``-p``); empty: what SLURM takes by default.
    licenses : tuple of str
        Resources that the site wants declared (``-L``), e.g. the storage that is used.
    directives : tuple of str
        More options of sbatch, each as it would stand behind ``#SBATCH``.
    workers : int
        Worker processes wanted at a time.
    processes, cores : int
        Worker processes of one job; processors of one job, shared evenly by the threads of its processes.
    memory : int
        Memory of one job [byte].
    elastic : bool
        Jobs may come and go one by one; then each has one process, so that no loss takes others along.
    walltime, longest_part, margin, stagger : int
        Walltime of a job [s]. It takes no new part when less than `longest_part` + `margin` remains [s], and up to `stagger` earlier, drawn anew for each job [s],
        so that jobs that began together do not end together.
    death_timeout : int
        A worker that does not find its driver gives up after this time [s]; so does the driver with a job whose worker does not appear.
    poll : int
        Time between two looks at the queue [s].
    allowed_failures : int
        Workers that may die under a part before it counts as lost.
    scratch : str
        Folder on the local disk of a node; the shell of the job expands it.
    stage_in : bool
        Inputs are copied there before they are read.
    shared : str
        Folder that driver and nodes see: logs of jobs, keys, lists of parts.
    python : str
        Interpreter on the nodes; empty: the one of the driver.
    prologue : tuple of str
        Lines of shell before the work begins.
    environment : mapping of str
        More environment variables of workers.
    interface, scheduler_interface : str
        Network interface of workers and scheduler, and of the scheduler alone, e.g. ``"ib0"``; empty: what the host name leads to.
    security : str
        ``"tls"``: driver and workers know each other by keys made for the run. ``"none"``: whoever reaches the port of the scheduler may run code.
    parts_per_task : int
        Parts that one task of a job array does at least, where it does not lack time for them.
    """

    name: str
    account: str = ""
    partition: str = ""
    licenses: tuple[str, ...] = ()
    directives: tuple[str, ...] = ()
    workers: int = 4
    processes: int = 1
    cores: int = 1
    memory: int = 2 * 2**30
    elastic: bool = True
    walltime: int = 4 * 3600
    longest_part: int = 900
    margin: int = 120
    stagger: int = 1800
    death_timeout: int = 120
    poll: int = 15
    allowed_failures: int = 10
    scratch: str = "${TMPDIR:-/tmp}"
    stage_in: bool = False
    shared: str = "~/.antdask/slurm"
    python: str = ""
    prologue: tuple[str, ...] = ()
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    interface: str = ""
    scheduler_interface: str = ""
    security: str = "tls"
    parts_per_task: int = 1

    def __post_init__(self) -> None:
        for name in ("workers", "processes", "cores", "memory", "walltime", "longest_part", "death_timeout", "poll", "parts_per_task"):
            if getattr(self, name) < 1:
                self._refuse(f"'{name}' is too small", getattr(self, name), "at least 1")
        for name in ("margin", "stagger", "allowed_failures"):
            if getattr(self, name) < 0:
                self._refuse(f"'{name}' is too small", getattr(self, name), "at least 0")
        if self.security not in SECURITY:
            self._refuse("Unknown 'security'", repr(self.security), " or ".join(map(repr, SECURITY)))
        if re.search(r"[\s%'\"\\$]", self.shared):
            self._refuse(
                "The name of the folder 'shared' goes through too many hands", repr(self.shared), "no space, quote, %, $ or backslash"
            )
        if self.elastic and self.processes > 1:
            self._refuse("An elastic job has one process", self.processes, 1, "Set elastic = false, or processes = 1.")
        if self.cores % self.processes:
            self._refuse(
                "The processes of a job share its processors evenly", f"{self.cores} cores, {self.processes} processes", "a multiple"
            )
        if self.last_start - self.stagger < 1:
            self._refuse(
                "No time is left for work",
                f"walltime {self.walltime} s",
                f"more than longest_part + margin + stagger = {self.notice + self.stagger} s",
            )
        if self.notice > LONGEST_NOTICE:
            self._refuse("longest_part + margin is too long for SLURM to announce", f"{self.notice} s", f"at most {LONGEST_NOTICE} s")

    def _refuse(self, what: str, found: object, expected: object, hint: str | None = None) -> typing.NoReturn:
        raise ConfigurationError(what, where=f"profile '{self.name}'", found=found, expected=expected, hint=hint)

    @property
    def notice(self) -> int:
        """Time before the end of a job after which it begins no part [s]."""
        return self.longest_part + self.margin

    @property
    def last_start(self) -> int:
        """Latest time after its begin at which a job takes a part [s]."""
        return self.walltime - self.notice

    @property
    def shared_folder(self) -> Path:
        """The shared folder; it need not exist."""
        return Path(self.shared).expanduser().absolute()

    def options(self, name: str, log: str) -> list[str]:
        """Options of sbatch for a job of this name whose output goes to the file `log`."""
        options = [
            f"--job-name={name}",
            f"--output={log}",
            "--ntasks=1",
            f"--cpus-per-task={self.cores}",
            f"--mem={-(-self.memory // 2**20)}M",
        ]
        options += [f"--time={format_duration(self.walltime)}"]
        options += [f"--partition={self.partition}"] if self.partition else []
        options += [f"--account={self.account}"] if self.account else []
        options += [f"--licenses={','.join(self.licenses)}"] if self.licenses else []
        return [*options, *self.directives]

    def prepare(self) -> list[str]:
        """Lines of shell that make a node ready: environment, scratch, prologue."""
        # The shell of the job expands the scratch folder, so it stands in double quotes; all else is taken literally.
        exports = [f'export TMPDIR="{self.scratch}"', 'mkdir -p "$TMPDIR" || exit']
        told = {"ANTDASK_STAGE_IN": "true"} if self.stage_in else {}
        exports += [f"export {name}={shlex.quote(value)}" for name, value in {**WORKER_ENVIRONMENT, **told, **self.environment}.items()]
        return [*exports, *self.prologue]

    @property
    def interpreter(self) -> str:
        """Python on the nodes, as a word of shell."""
        return shlex.quote(self.python or sys.executable)


def load_profile(name: str) -> Profile:
    """A profile by name, or from a file.

    Parameters
    ----------
    name : str
        A name that `profile_names` lists, or the path of a TOML file. A file may say ``extends = "<name>"``, and then only what differs.

    Raises
    ------
    UnknownNameError
        No profile has this name.
    ConfigurationError
        The file cannot be read, has a key that is not known, or a value that cannot be.

    Examples
    --------
    >>> load_profile("ccin2p3").partition
    'htc'
    """
    return _profile(Path(name).stem, _read(name, ()), where=name)


def profile_names() -> list[str]:
    """Names of the profiles that come with antdask."""
    return sorted(p.stem for p in profile_folder().glob("*.toml"))


def profile_folder() -> Path:
    """Where profiles and templates of SLURM lie: inside an installed package, or beside the package in a source tree."""
    inside = Path(str(importlib.resources.files("antdask"))) / "deploy" / "slurm"
    return inside if inside.is_dir() else inside.parents[2] / "deploy" / "slurm"


def _read(name: str, seen: tuple[str, ...]) -> dict[str, Any]:
    """Keys of a profile and of those it extends."""
    if name in seen:
        raise ConfigurationError("Profiles extend each other in a circle", where=name, found=" → ".join((*seen, name)))
    if "/" in name or name.endswith(".toml"):
        values = read_toml(name)
    elif name in profile_names():
        values = read_toml(profile_folder() / f"{name}.toml")
    else:
        raise UnknownNameError.of("profile", name, profile_names(), where="--profile; a file is named by its path, such as ./site.toml")
    parent = values.pop("extends", None)
    return values if parent is None else {**_read(str(parent), (*seen, name)), **values}


def _profile(name: str, values: dict[str, Any], where: str) -> Profile:
    kinds = {k: v for k, v in typing.get_type_hints(Profile).items() if k != "name"}
    converted = {}
    for key, value in values.items():
        if key not in kinds:
            unknown = UnknownNameError.of("key of a profile", key, kinds)
            raise ConfigurationError(unknown.what, where=where, hint=unknown.hint)
        converted[key] = _convert(key, value, kinds[key], where)
    return Profile(name=name, **converted)


def _convert(key: str, value: Any, kind: Any, where: str) -> Any:
    """A value of TOML as the field wants it."""
    if key in _DURATIONS and isinstance(value, str):
        return parse_duration(value, where=f"{where}, {key}")
    if key == "memory" and isinstance(value, str):
        try:
            return int(parse_bytes(value))
        except ValueError as error:
            raise ConfigurationError(
                f"Not an amount of memory: '{key}'", where=where, found=repr(value), expected='such as "4 GiB"'
            ) from error
    if kind == tuple[str, ...] and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if kind == Mapping[str, str] and isinstance(value, dict):
        return {str(k): str(v) for k, v in value.items()}
    if kind in {str, int, bool} and type(value) is kind:
        return value
    expected = _EXPECTED.get(kind, "a number of seconds or [days-]hours:minutes:seconds" if key in _DURATIONS else "a whole number")
    raise ConfigurationError(f"The value of '{key}' is of the wrong kind", where=where, found=repr(value), expected=expected)


_DURATIONS = frozenset({"walltime", "longest_part", "margin", "stagger", "death_timeout", "poll"})
_EXPECTED = {
    str: "a text",
    bool: "true or false",
    tuple[str, ...]: "a list of texts",
    Mapping[str, str]: "a table of texts",
}


def parse_duration(text: str, where: str | None = None) -> int:
    """Seconds of ``[days-]hours:minutes:seconds``.

    Raises
    ------
    ConfigurationError

    Examples
    --------
    >>> parse_duration("1-02:00:30")
    93630
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError("Not a duration", where=where, found=repr(text), expected="[days-]hours:minutes:seconds")
    days, hours, minutes, seconds = (int(word or 0) for word in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def format_duration(seconds: int) -> str:
    """Seconds as SLURM writes them.

    Examples
    --------
    >>> format_duration(93630)
    '1-02:00:30'
    """
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}-{hours:02}:{minutes:02}:{seconds:02}"
