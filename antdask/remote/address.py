"""Addresses of remote files: taken apart, and refused where they carry a secret, since addresses stand in plans, receipts and messages."""

from __future__ import annotations

import urllib.parse

from antdask.errors import UsageError

#: Words of a query string that stand before a secret, in lower case.
_SECRETS = frozenset(
    {
        "authz",
        "token",
        "access_token",
        "sig",
        "signature",
        "password",
        "secret",
        "x-amz-signature",
        "x-amz-security-token",
        "x-amz-credential",
    }
)
#: Schemes in which even a lone user name is half a secret; root:// uses one for nothing but to say who asks.
_USERLESS = frozenset({"http", "https", "dav", "davs", "s3"})


def scheme_of(url: str) -> str:
    """Protocol of a URL in lower case; empty for a plain path.

    Examples
    --------
    >>> scheme_of("root://host//data/x.root"), scheme_of("/data/x.root"), scheme_of("S3://bucket/x")
    ('root', '', 's3')
    """
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator and "::" not in url else ""


def refuse_secrets(url: str) -> None:
    """Refuse a URL with a password, a token or a signature in it; the message does not repeat it.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> refuse_secrets("https://host/x.root?version=2")
    >>> refuse_secrets("https://me:secret@host/x.root")
    Traceback (most recent call last):
    ...
    antdask.errors.UsageError: A URL must not carry credentials (in https://host/x.root). Give them in the environment: see docs/how-to/object-stores.md.
    """
    scheme = scheme_of(url)
    if not scheme:
        return
    parts = urllib.parse.urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    names = {name.lower() for name, _ in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)}
    if (at and (":" in user or scheme in _USERLESS)) or names & _SECRETS:
        raise UsageError(
            "A URL must not carry credentials",
            where=urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")),
            hint="Give them in the environment: see docs/how-to/object-stores.md.",
        )


def split(url: str) -> tuple[str, str]:
    """Server and path of a URL with a host: what one connection serves, and what is asked of it.

    Examples
    --------
    >>> split("root://host:1094//data/x.root")
    ('root://host:1094', '/data/x.root')
    >>> split("https://host/a/b?version=2")
    ('https://host', '/a/b?version=2')
    """
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    # root:// marks an absolute path with a second slash; a single one means the same to every server in use.
    return f"{scheme.lower()}://{host}", "/" + path.lstrip("/") if slash else "/"
