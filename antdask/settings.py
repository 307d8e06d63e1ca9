"""The only reader of environment variables and TOML files.

Order of precedence: keyword arguments (command line) > environment (``ANTDASK_PART_BYTES`` …) > the file named by ``ANTDASK_CONFIG`` > the defaults below.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tomllib
import typing
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from antdask.errors import ConfigurationError

PREFIX = "ANTDASK_"


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What can be tuned without touching code.

    Parameters
    ----------
    part_bytes : int
        Aim for the uncompressed bytes of one part [byte].
    max_parts, max_bytes : int
        Budget that a plan must keep: number of parts (= inodes), uncompressed bytes.
    attempts : int
        How often a part is tried before it counts as failed.
    max_bad_fraction : float
        Fraction of parts that failed, or lost entries to the quarantine, above which a campaign stops.
    query_bytes : int
        Decoded bytes that one query may read before it asks [byte].
    cache_bytes : int
        Decoded chunks that queries of one process keep [byte].
    read_threads : int
        Threads that read and decompress a local ROOT file side by side; each holds a batch of its own. One, because workers share the cores of a machine already.
    stage_in : bool
        Copy each input to the folder for temporary files (``TMPDIR``) before it is read, as far as there is room.
    maps : str
        Folder with layout maps of your own (``*.toml``), beside those that come with antdask; empty for none.
    strict : bool
        Refuse layout maps that rest on assumptions.
    scan_cache : str
        Folder or URL in which is kept what was found out about input files, so that planning again is quick; empty for none.
    like : str
        A sound ROOT file of the same make, whose layout is taken for trees that lost theirs when their file was cut; empty for none.
    """

    part_bytes: int = 512 * 2**20
    max_parts: int = 2_000_000
    max_bytes: int = 10**15
    attempts: int = 3
    max_bad_fraction: float = 1.0
    query_bytes: int = 4 * 2**30
    cache_bytes: int = 256 * 2**20
    read_threads: int = 1
    stage_in: bool = False
    maps: str = ""
    strict: bool = False
    scan_cache: str = ""
    like: str = ""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "max_bad_fraction":
                if not 0 <= value <= 1:
                    raise ConfigurationError(f"Setting '{field.name}'", found=value, expected="a fraction from 0 to 1")
            elif not isinstance(value, str | bool) and value < 1:
                raise ConfigurationError(f"Setting '{field.name}'", found=value, expected="at least 1")


def load(**overrides: Any) -> Settings:
    """Settings from overrides, environment and file, in this order of precedence; ``None`` overrides nothing.

    Raises
    ------
    ConfigurationError
        An unknown name, a value of the wrong kind or range, or a file that cannot be read.
    """
    values: dict[str, Any] = {}
    known = typing.get_type_hints(Settings)
    path = os.environ.get(PREFIX + "CONFIG")
    if path:
        values.update(read_toml(path))
    for name in known:
        if PREFIX + name.upper() in os.environ:
            values[name] = os.environ[PREFIX + name.upper()]
    values.update({k: v for k, v in overrides.items() if v is not None})
    for name, value in values.items():
        if name not in known:
            raise ConfigurationError(f"Unknown setting '{name}'", where=path, hint=f"Known: {', '.join(sorted(known))}.")
        try:
            values[name] = _truth(value) if known[name] is bool else known[name](value)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"Setting '{name}'", where=path, found=repr(value), expected=known[name].__name__) from error
    return Settings(**values)


def _truth(value: Any) -> bool:
    """A truth value, or the words for one."""
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    text = str(value).lower()
    if text not in words:
        raise ValueError(text)
    return words[text]


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of a TOML file.

    Raises
    ------
    ConfigurationError
        The file is missing, unreadable or not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"Cannot read the configuration file: {error}", where=str(path)) from error


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables as child processes shall find them; the former ones are put back on leaving.

    Examples
    --------
    >>> with environment({"OMP_NUM_THREADS": "1"}):
    ...     os.environ["OMP_NUM_THREADS"]
    '1'
    """
    former = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def job_id() -> str | None:
    """Identifier of the batch job that this process runs in, ``None`` outside of one."""
    return os.environ.get("SLURM_JOB_ID")


def container() -> str:
    """Digest or name of the container that this process runs in; empty outside of one.

    As ``ANTDASK_CONTAINER`` says it; else the image that Apptainer, Singularity or Shifter name, with the identifier that is in it if it can be read.
    """
    told = os.environ.get(PREFIX + "CONTAINER", "")
    image = next((os.environ[name] for name in _IMAGES if os.environ.get(name)), "")
    return told or " ".join(filter(None, (image.rpartition("/")[2], _sif_uuid(image))))


#: Variables in which a process finds the image that it runs in.
_IMAGES = ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "SHIFTER_IMAGE")


def _sif_uuid(image: str) -> str:
    """The identifier that every image of Singularity's format gets when it is built, from its header; empty where it cannot be read."""
    try:
        with Path(image).open("rb") as file:
            header = file.read(64)
    except OSError:  # seen from inside of the container, the image is often not there
        return ""
    # 32 bytes that start it, the magic word, version, architecture, identifier (sif/pkg/sif/sif.go).
    return f"uuid:{uuid.UUID(bytes=header[48:64])}" if header[32:41] == b"SIF_MAGIC" else ""


@dataclasses.dataclass(frozen=True, slots=True)
class S3Access:
    """How to reach S3; secrets never show in a repr.

    Parameters
    ----------
    endpoint : str or None
        ``AWS_ENDPOINT_URL_S3``, else ``AWS_ENDPOINT_URL``; the service of Amazon if neither is set.
    region : str
        ``AWS_REGION``, else ``AWS_DEFAULT_REGION``, else ``us-east-1``, which other services than Amazon's do not mind.
    key, secret, token : str or None
        ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``; without a key requests are anonymous.
    profile : str or None
        ``AWS_PROFILE``: where it is set, the key is looked up there by the S3 library.
    """

    endpoint: str | None
    region: str
    key: str | None = dataclasses.field(repr=False)
    secret: str | None = dataclasses.field(repr=False)
    token: str | None = dataclasses.field(repr=False)
    profile: str | None


def s3_access() -> S3Access:
    """Access to S3 as the environment grants it now."""
    get = os.environ.get
    return S3Access(
        endpoint=get("AWS_ENDPOINT_URL_S3") or get("AWS_ENDPOINT_URL"),
        region=get("AWS_REGION") or get("AWS_DEFAULT_REGION") or "us-east-1",
        key=get("AWS_ACCESS_KEY_ID"),
        secret=get("AWS_SECRET_ACCESS_KEY"),
        token=get("AWS_SESSION_TOKEN"),
        profile=get("AWS_PROFILE"),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class WebAccess:
    """How to present oneself to HTTP and WebDAV servers; secrets never show in a repr.

    Parameters
    ----------
    hosts : frozenset of str
        ``ANTDASK_HTTP_HOSTS``, separated by commas: token and password are sent to these hosts and to no other.
    token : str or None
        ``BEARER_TOKEN``, or the content of the file named by ``BEARER_TOKEN_FILE`` (WLCG bearer token discovery).
    user, password : str or None
        ``ANTDASK_HTTP_USER``, ``ANTDASK_HTTP_PASSWORD``; used without a token.
    certificate, authorities : str or None
        ``X509_USER_PROXY``, ``X509_CERT_DIR``: own certificate with its key, folder of trusted authorities (the system's if not set).
    """

    hosts: frozenset[str]
    token: str | None = dataclasses.field(repr=False)
    user: str | None
    password: str | None = dataclasses.field(repr=False)
    certificate: str | None
    authorities: str | None


def web_access() -> WebAccess:
    """Access to web servers as the environment grants it now.

    Raises
    ------
    ConfigurationError
        The file with the token cannot be read.
    """
    get = os.environ.get
    token, file = get("BEARER_TOKEN"), get("BEARER_TOKEN_FILE")
    if not token and file:
        try:
            token = Path(file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                "The file with the token cannot be read", where=file, hint="It is named by BEARER_TOKEN_FILE."
            ) from error
    return WebAccess(
        hosts=frozenset(h.strip() for h in get("ANTDASK_HTTP_HOSTS", "").split(",") if h.strip()),
        token=token,
        user=get("ANTDASK_HTTP_USER"),
        password=get("ANTDASK_HTTP_PASSWORD"),
        certificate=get("X509_USER_PROXY"),
        authorities=get("X509_CERT_DIR"),
    )
