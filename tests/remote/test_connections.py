"""One client for each server and process, whatever the URL below it."""

from __future__ import annotations

import builtins
import os
import sys

import pytest

from antdask.errors import ConfigurationError, UsageError
from antdask.remote import connections


def test_one_client_serves_one_server_until_it_is_forgotten():
    one, path = connections.connect("http://127.0.0.1:9/a/x")
    two, other = connections.connect("http://127.0.0.1:9/b/y")
    assert one is two and (path, other) == ("/a/x", "/b/y")
    connections.forget()
    assert connections.connect("http://127.0.0.1:9/a/x")[0] is not one


def test_a_forked_process_makes_its_own_client(monkeypatch):
    one, _ = connections.connect("http://127.0.0.1:9/a")
    monkeypatch.setattr(os, "getpid", lambda pid=os.getpid(): pid + 1)
    assert connections.connect("http://127.0.0.1:9/a")[0] is not one


def test_a_url_with_credentials_reaches_no_client():
    with pytest.raises(UsageError, match="credentials"):
        connections.connect("https://me:geheim@host/x")


def test_an_unknown_protocol_is_named():
    with pytest.raises(ConfigurationError, match="gopher"):
        connections.connect("gopher://host/x")


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith(("XRootD", "antdask.remote.xrootd")):
            raise ImportError(name)
        return real(name, *rest)

    for name in [n for n in sys.modules if n.startswith("antdask.remote.xrootd")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    connections.forget()
    with pytest.raises(ConfigurationError, match=r"pip install 'antdask\[xrootd\]'"):
        connections.connect("root://host//x")
