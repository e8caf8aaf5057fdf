"""`greet`: what a client must say before it gets a place among those who wait."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable
from dataclasses import dataclass

from tvm.rpc.base import RPC_CODE_MISMATCH, RPC_CODE_SUCCESS, RPC_MAGIC

from eie_backend.remote.wire import (
    CODE,
    GREETING,
    HOW_BUSY,
    INIT_SERVER,
    LENGTH,
    MOST_FIRST_BYTES,
    MOST_KEY_BYTES,
)

LONGEST_SESSION_SECONDS = 1e6
TIMEOUT = "-timeout="


class Refused(Exception):
    """A client said what it may not; the text says what."""


@dataclass(frozen=True, eq=False)
class Client:
    """A client that has greeted.

    `first` is its first message, which the session must still process, and `seconds` how long it
    wants its session to last at most.
    """

    sock: socket.socket
    name: str
    first: bytes
    seconds: float | None


async def greet(
    sock: socket.socket, name: str, key: str, accepts: Callable[[str], bool]
) -> Client | None:
    """Read a client's greeting and its first message, not a byte more; answer the greeting.

    Parameters
    ----------
    sock : socket
        A connection that does not block.
    name : str
        The client's address, as people read it.
    key : str
        The server's key.
    accepts : callable
        Whether a client may come with the key that it gives.

    Returns
    -------
    Client or None
        None if the client only asks how busy the server is.

    Raises
    ------
    Refused
        If the client says what it may not.
    OSError
        If the connection ends.
    """
    loop = asyncio.get_running_loop()
    magic, length = GREETING.unpack(await _exactly(sock, GREETING.size))
    if magic == HOW_BUSY:
        return None
    if magic != RPC_MAGIC:
        raise Refused("does not speak TVM RPC")
    if not 0 < length <= MOST_KEY_BYTES:
        raise Refused(f"its key has {length} bytes; from 1 to {MOST_KEY_BYTES} are allowed")
    words = (await _exactly(sock, length)).decode(errors="replace").split() or [""]
    role, _, wanted = words[0].partition(":")
    if role != "client" or not accepts(wanted):
        await loop.sock_sendall(sock, CODE.pack(RPC_CODE_MISMATCH))
        raise Refused("asks for another key")
    seconds = _seconds(words[1:])
    ours = f"server:{key}".encode()
    await loop.sock_sendall(sock, GREETING.pack(RPC_CODE_SUCCESS, len(ours)) + ours)
    return Client(sock, name, await _first_message(sock), seconds)


async def _first_message(sock: socket.socket) -> bytes:
    head = await _exactly(sock, LENGTH.size)
    (length,) = LENGTH.unpack(head)
    if not CODE.size <= length <= MOST_FIRST_BYTES:
        raise Refused(
            f"its first message has {length} bytes; at most {MOST_FIRST_BYTES} are allowed"
        )
    body = await _exactly(sock, length)
    if CODE.unpack_from(body) != (INIT_SERVER,):
        raise Refused("begins no session")
    return head + body


def _seconds(options: list[str]) -> float | None:
    """Return how long the session may last."""
    for option in options:
        if option.startswith(TIMEOUT):
            try:
                seconds = float(option.removeprefix(TIMEOUT))
            except ValueError:
                seconds = math.nan
            if not 0 < seconds <= LONGEST_SESSION_SECONDS:
                raise Refused(f"its session's timeout is none: {option[:40]}")
            return seconds
    return None


async def _exactly(sock: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    found = b""
    while len(found) < size:
        part = await loop.sock_recv(sock, size - len(found))
        if not part:
            raise ConnectionError("left before it was served")
        found += part
    return found
