"""Every client offers what the door asks for, with the same words."""

from __future__ import annotations

import inspect

import pytest

from antdask.remote.client import Client
from antdask.remote.http import HttpClient
from antdask.remote.s3 import S3Client
from antdask.remote.xrootd import XrootdClient

ASKED = sorted(name for name in vars(Client) if not name.startswith("_"))


@pytest.mark.parametrize("kind", [HttpClient, S3Client, XrootdClient])
@pytest.mark.parametrize("name", ASKED)
def test_every_client_has_every_method_with_the_same_parameters(kind: type, name: str) -> None:
    asked, found = (list(inspect.signature(getattr(x, name)).parameters) for x in (Client, kind))
    assert found == asked
