"""What parts were made with: Python, packages, and the container if there is one; kept once for each combination.

Together with the plan, the inputs and the lineages this is enough to make the same bytes again.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import platform
import re
import sys
from typing import Any

import numcodecs
import numpy as np

from antdask import settings
from antdask.archive import layout as lay
from antdask.archive.store import Store
from antdask.plan import digest

_LINE = re.compile(r"^(Name|Version):[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)


@functools.cache
def describe() -> dict[str, Any]:
    """The environment of this process as plain data; without host names, so that equal environments are equal."""
    packages = dict(filter(None, map(_named, importlib.metadata.distributions())))
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "byteorder": sys.byteorder,
        "libc": " ".join(platform.libc_ver()).strip(),
        # The compressors decide about bytes, and are no packages of their own.
        "numcodecs": numcodecs.__version__,
        "numpy": np.__version__,
        "container": settings.container(),
        "packages": dict(sorted(packages.items())),
    }


def _named(package: importlib.metadata.Distribution) -> tuple[str, str] | None:
    """Name and version of a package, from the head of its description alone: parsing all of it for hundreds of packages takes as long as a small part."""
    head = (package.read_text("METADATA") or package.read_text("PKG-INFO") or "").partition("\n\n")[0]
    found = dict(_LINE.findall(head))
    return (found["Name"].lower(), found["Version"]) if len(found) == 2 else None


def environment_id(document: dict[str, Any]) -> str:
    """16 hexadecimal digits."""
    return digest(document)[:16]


def keep(store: Store) -> str:
    """Describe this environment in an archive, unless it is there; its id.

    Raises
    ------
    DestinationError
    """
    document = describe()
    name = environment_id(document)
    if not store.exists(lay.environment_file(name)):
        store.write_small(lay.environment_file(name), json.dumps(document, sort_keys=True, indent=1).encode() + b"\n")
    return name


def differences(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What differs between two environments, in words.

    Examples
    --------
    >>> differences({"python": "3.12", "packages": {"zarr": "3.1"}}, {"python": "3.12", "packages": {"zarr": "3.2", "numpy": "2.1"}})
    ['package numpy: none then, 2.1 now', 'package zarr: 3.1 then, 3.2 now']
    """
    flat = [
        {**{k: v for k, v in d.items() if k != "packages"}, **{f"package {k}": v for k, v in d.get("packages", {}).items()}}
        for d in (wanted, found)
    ]
    names = sorted({*flat[0], *flat[1]})
    return [f"{n}: {flat[0].get(n, 'none')} then, {flat[1].get(n, 'none')} now" for n in names if flat[0].get(n) != flat[1].get(n)]
