"""`announce`: tell TVM's tracker that a server is free, and with which key its next client comes.

Messages are JSON behind their length. The tracker gives a key away once, so that a server makes a
new one for each session, and another if a client took one and never came.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Protocol

from tvm.rpc.base import RPC_TRACKER_MAGIC, TrackerCode, random_key

from eie_backend.remote.address import Address
from eie_backend.remote.wire import CODE

PING_SECONDS = 2.0
MOST_PINGS = 3
"""Pings after which a key that was given away is replaced."""

RETRY_SECONDS = 5.0
MOST_ANSWER_BYTES = 1 << 24


class Announced(Protocol):
    """The server."""

    def expect(self, key: str | None) -> None:
        """Accept a client with this key; nobody with None."""

    async def used(self) -> None:
        """Wait until a client has come with the key."""

    async def free(self) -> None:
        """Wait until nobody is served."""


async def announce(tracker: Address, key: str, port: int, server: Announced) -> None:
    """Announce a server as often as it is free, for ever; connect again when the tracker ends."""
    while True:
        try:
            reader, writer = await asyncio.open_connection(*tracker)
        except OSError:
            await asyncio.sleep(RETRY_SECONDS)
            continue
        try:
            await _announce(_Tracker(reader, writer), key, port, server)
        except (OSError, EOFError, ValueError):  # it ended, or it is none
            server.expect(None)
            await asyncio.sleep(RETRY_SECONDS)
        finally:
            writer.close()


async def _announce(tracker: _Tracker, key: str, port: int, server: Announced) -> None:
    await tracker.greet()
    await tracker.ask([TrackerCode.UPDATE_INFO, {"key": f"server:{key}", "addr": [None, port]}])
    while True:
        match = random_key(key)
        server.expect(match)
        await tracker.ask([TrackerCode.PUT, key, [port, match], None])
        await _until_used(tracker, match, server)
        await server.free()


async def _until_used(tracker: _Tracker, match: str, server: Announced) -> None:
    """Return when a client has come with the key, or nobody does who was given it."""
    pings = 0
    while pings <= MOST_PINGS:
        try:
            return await asyncio.wait_for(server.used(), PING_SECONDS)
        except asyncio.TimeoutError:
            pending = await tracker.ask([TrackerCode.GET_PENDING_MATCHKEYS])
            pings = 0 if match in pending else pings + 1


class _Tracker:
    """A connection to a tracker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def greet(self) -> None:
        self._writer.write(CODE.pack(RPC_TRACKER_MAGIC))
        if await self._number() != RPC_TRACKER_MAGIC:
            raise ValueError("no tracker")

    async def ask(self, question: list[Any]) -> Any:
        data = json.dumps(question).encode()
        self._writer.write(CODE.pack(len(data)) + data)
        await self._writer.drain()
        length = await self._number()
        if not 0 <= length <= MOST_ANSWER_BYTES:
            raise ValueError("no tracker")
        return json.loads(await self._reader.readexactly(length))

    async def _number(self) -> int:
        return int(CODE.unpack(await self._reader.readexactly(CODE.size))[0])
