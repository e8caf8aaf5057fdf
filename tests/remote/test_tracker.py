"""A server's words with TVM's tracker, where the tracker ends, or gives a key to nobody.

`test_client.py` has TVM's own tracker.
"""

import asyncio
import json
import struct

import pytest
from tvm.rpc.base import RPC_TRACKER_MAGIC, TrackerCode

from eie_backend.remote import tracker as module
from eie_backend.remote.tracker import announce

NUMBER = struct.Struct("<i")


class Announced:
    """A server that no client ever uses."""

    def __init__(self):
        self.keys = []

    def expect(self, key):
        self.keys.append(key)

    async def used(self):
        await asyncio.Event().wait()

    async def free(self):
        pass


class Tracker:
    """A tracker; after some keys, `ends` the connection, or says `nonsense`."""

    def __init__(self, most, nonsense=b""):
        self.asked, self.keys = [], []
        self._most, self._nonsense = most, nonsense

    async def serve(self, reader, writer):
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader, writer):
        assert NUMBER.unpack(await reader.readexactly(4)) == (RPC_TRACKER_MAGIC,)
        writer.write(NUMBER.pack(RPC_TRACKER_MAGIC))
        here = 0
        while here < self._most:
            (length,) = NUMBER.unpack(await reader.readexactly(4))
            question = json.loads(await reader.readexactly(length))
            self.asked.append(question)
            if question[0] == TrackerCode.PUT:
                here += 1
                self.keys.append(question[2][1])
            # No key is pending: all have been given away.
            answer = [] if question[0] == TrackerCode.GET_PENDING_MATCHKEYS else 0
            data = json.dumps(answer).encode()
            writer.write(NUMBER.pack(len(data)) + data)
        writer.write(self._nonsense)


@pytest.fixture
def announced(monkeypatch):
    """Announce a server to a tracker until that has been given three keys."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    monkeypatch.setattr(module, "PING_SECONDS", 0)

    async def run(tracker):
        server = Announced()
        listening = await asyncio.start_server(tracker.serve, "127.0.0.1", 0)
        address = listening.sockets[0].getsockname()
        work = asyncio.create_task(announce(address, "eie", 9090, server))
        while len(tracker.keys) < 3:
            await asyncio.sleep(0)
            assert not work.done()
        work.cancel()
        listening.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        return server

    return lambda tracker: asyncio.run(run(tracker))


def test_a_key_that_was_given_away_is_replaced(announced):
    tracker = Tracker(most=3)
    server = announced(tracker)
    assert tracker.asked[0] == [
        TrackerCode.UPDATE_INFO,
        {"key": "server:eie", "addr": [None, 9090]},
    ]
    assert len(set(tracker.keys)) == 3
    assert server.keys[:3] == tracker.keys[:3]
    assert tracker.asked.count([TrackerCode.GET_PENDING_MATCHKEYS]) >= 2 * (module.MOST_PINGS + 1)


@pytest.mark.parametrize("nonsense", [b"", b"\0", NUMBER.pack(-1), NUMBER.pack(1) + b"{"])
def test_a_tracker_that_ends_is_asked_again(announced, nonsense):
    tracker = Tracker(most=1, nonsense=nonsense)
    server = announced(tracker)
    assert len(set(tracker.keys)) == 3
    assert None in server.keys  # no key of the first connection is accepted any more


def test_without_a_tracker_it_goes_on(monkeypatch):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            raise InterruptedError

    async def refuse(*address):
        raise ConnectionRefusedError

    monkeypatch.setattr(module.asyncio, "open_connection", refuse)
    monkeypatch.setattr(module.asyncio, "sleep", pause)
    with pytest.raises(InterruptedError):
        asyncio.run(announce(("127.0.0.1", 1), "eie", 9090, Announced()))
    assert pauses == [module.RETRY_SECONDS] * 3
