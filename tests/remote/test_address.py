"""``HOST:PORT``, as people write it."""

import pytest

from eie_backend.errors import RemoteError
from eie_backend.remote.address import is_local, read_address, shown


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9090", ("127.0.0.1", 9090)),
        ("server.example:1", ("server.example", 1)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_what_is_read_is_shown_alike(text, address):
    assert read_address(text) == address
    assert shown(address) == text


@pytest.mark.parametrize("text", ["", "9090", ":9090", "host", "host:", "host:-1", "host:65536"])
def test_what_is_no_address(text):
    with pytest.raises(RemoteError) as error:
        read_address(text)
    assert str(error.value) == f"address {text!r}: give HOST:PORT, for example 127.0.0.1:9090"


def test_which_hosts_are_reached_from_here_only():
    assert all(map(is_local, ["127.0.0.1", "127.1.2.3", "::1", "localhost"]))
    others = ["0.0.0.0", "::", "192.168.0.1", "server.example"]  # noqa: S104 - compared, not bound
    assert not any(map(is_local, others))
