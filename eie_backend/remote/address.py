"""Addresses of servers: a host and a port."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TypeAlias

from eie_backend.errors import RemoteError

Address: TypeAlias = tuple[str, int]

KEY = "eie"
"""Key by which a tracker matches servers and clients."""


def read_address(text: str) -> Address:
    """Read ``HOST:PORT``, where the host may be an IPv6 address, in brackets or not.

    Raises
    ------
    RemoteError
        If the text is not such an address.
    """
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 1 << 16):
        raise RemoteError(f"address {text!r}: give HOST:PORT, for example 127.0.0.1:9090")
    return host.removeprefix("[").removesuffix("]"), int(port)


def shown(address: Address) -> str:
    """Return an address as text."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_local(host: str) -> bool:
    """Return whether an address is reachable only from this computer."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
