import pytest

from antdask.errors import UsageError
from antdask.remote.address import refuse_secrets, scheme_of, split


@pytest.mark.parametrize(
    "url",
    [
        "https://me:geheim@host/x.root",
        "https://me@host/x.root",
        "dav://me:geheim@host/x",
        "s3://AKIA:geheim@bucket/x",
        "root://me:geheim@host//x.root",
        "https://host/x.root?X-Amz-Signature=geheim",
        "https://host/x.root?authz=geheim",
        "root://host//x.root?authz=geheim",
    ],
)
def test_a_url_with_a_secret_is_refused_and_not_repeated(url):
    with pytest.raises(UsageError, match="credentials") as caught:
        refuse_secrets(url)
    assert "geheim" not in str(caught.value) and "me@" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["/data/me:x@y.root", "root://me@host//x.root", "https://host:8443/x.root?version=2", "zip://a.root::file:///b.zip", "s3://bucket/x@y"],
)
def test_a_url_without_a_secret_passes(url):
    refuse_secrets(url)


def test_a_chain_of_protocols_has_no_single_one():
    assert scheme_of("zip://a.root::https://host/b.zip") == "" and scheme_of("HTTPS://host/x") == "https"


def test_server_and_path_are_taken_apart():
    assert split("root://host//data/x") == split("root://host/data/x") == ("root://host", "/data/x")
    assert split("dav://host:1") == ("dav://host:1", "/")
