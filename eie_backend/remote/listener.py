"""`Listener`: greets all who connect, serves one after another, each in a process of its own.

`Server` starts this file in a process that ends with it. All greet at the same time: whoever says
nothing, or nonsense, has no place among those who wait.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from tvm.support.utils import tempdir

from eie_backend.remote.address import shown
from eie_backend.remote.client_limits import Limits
from eie_backend.remote.greeting import Client, Refused, greet
from eie_backend.remote.session import serve
from eie_backend.remote.tracker import announce
from eie_backend.remote.wire import BUSY, LONGEST_TEXT, exception
from eie_backend.runtime import runtime

MOST_GREETINGS = 256
"""Clients that greet at the same time; others are accepted when one of them is done."""

REST_SECONDS = 0.1
"""Pause after an error of the operating system, such as too many open files."""

FORK = multiprocessing.get_context("fork")


class Listener:
    """Clients of one listening socket.

    Parameters
    ----------
    listening : socket
        Socket that listens and does not block.
    key : str
        The server's key.
    limits : Limits
        What each client may take.
    tell : callable
        Called with a sentence of what happens.
    by_tracker : bool
        Whether only keys that `expect` names are accepted.
    """

    def __init__(
        self,
        listening: socket.socket,
        key: str,
        limits: Limits,
        tell: Callable[[str], None],
        *,
        by_tracker: bool,
    ) -> None:
        self._listening, self._key, self._limits, self._tell = listening, key, limits, tell
        self._expected = None if by_tracker else key
        self._by_tracker = by_tracker
        self._waiting: deque[Client] = deque()
        self._served: Client | None = None
        self._changed = asyncio.Condition()
        self._greeting: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve for ever."""
        await asyncio.gather(self._accept(), self._serve())

    def expect(self, key: str | None) -> None:
        """Accept a client with this key; nobody with None."""
        self._expected = key

    async def used(self) -> None:
        """Wait until a client has come with the expected key."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._expected is None)

    async def free(self) -> None:
        """Wait until nobody is served."""
        async with self._changed:
            await self._changed.wait_for(lambda: not (self._served or self._waiting))

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        places = asyncio.Semaphore(MOST_GREETINGS)
        while True:
            await places.acquire()
            try:
                sock, address = await loop.sock_accept(self._listening)
            except OSError:
                places.release()
                await asyncio.sleep(REST_SECONDS)
                continue
            sock.setblocking(False)
            task = loop.create_task(self._meet(sock, shown(address[:2])))
            self._greeting.add(task)
            task.add_done_callback(self._greeting.discard)
            task.add_done_callback(lambda _: places.release())

    async def _meet(self, sock: socket.socket, name: str) -> None:
        """Greet a client, and let it wait for its turn."""
        try:
            greeting = greet(sock, name, self._key, lambda key: key == self._expected)
            client = await asyncio.wait_for(greeting, self._limits.timeout_seconds)
            if client is None:
                sock.send(BUSY.pack(self._served is not None, self._waiting_count()))
            elif self._served and self._waiting_count() >= self._limits.waiting:
                sock.send(
                    exception(
                        f"the server is busy: {len(self._waiting)} clients wait already; try again "
                        "later, or start another server"
                    )
                )
                raise Refused("too many wait")
            else:
                await self._queue(client)
                return
        except asyncio.TimeoutError:
            self._tell(
                f"{name} refused: no whole greeting within {self._limits.timeout_seconds:g} s"
            )
        except (Refused, OSError) as error:
            self._tell(f"{name} refused: {error}")
        _close(sock)

    async def _queue(self, client: Client) -> None:
        before = (self._served is not None) + self._waiting_count()
        if before:
            self._tell(f"{client.name} waits; {before} before it")
        async with self._changed:
            self._waiting.append(client)
            if self._by_tracker:
                self._expected = None
            self._changed.notify_all()

    def _waiting_count(self) -> int:
        """Return how many wait; forget who has left."""
        for client in [client for client in self._waiting if _has_left(client.sock)]:
            self._waiting.remove(client)
            _close(client.sock)
        return len(self._waiting)

    async def _serve(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._waiting)
                self._served = self._waiting.popleft()
            if not _has_left(self._served.sock):
                await self._session(self._served)
            _close(self._served.sock)
            async with self._changed:
                self._served = None
                self._changed.notify_all()

    async def _session(self, client: Client) -> None:
        """Serve a client until it leaves, or its time is over."""
        loop = asyncio.get_running_loop()
        folder = tempdir()
        process = FORK.Process(target=self._begin, args=(client, folder))
        process.start()
        ended = asyncio.Event()
        loop.add_reader(process.sentinel, ended.set)
        try:
            await asyncio.wait_for(ended.wait(), client.seconds)
        except asyncio.TimeoutError:
            self._tell(f"the session of {client.name} ended: its {client.seconds:g} s are over")
            text = f"the session's {client.seconds:g} s are over"
            with suppress(OSError):
                client.sock.send(exception(text), socket.MSG_DONTWAIT)
            process.kill()
        finally:
            loop.remove_reader(process.sentinel)
        process.join()
        folder.remove()
        if process.exitcode and not (client.seconds and process.exitcode == -signal.SIGKILL):
            self._tell(f"the session of {client.name} ended: {_end(process.exitcode)}")
        process.close()

    def _begin(self, client: Client, folder: object) -> None:
        """Run in the process of a session."""
        others = [self._listening, *(other.sock for other in self._waiting)]
        for sock in others:
            sock.close()
        serve(client, self._limits, folder, self._tell)


def _end(code: int) -> str:
    return f"its process was killed by signal {-code}" if code < 0 else f"exit code {code}"


def _has_left(sock: socket.socket) -> bool:
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _close(sock: socket.socket) -> None:
    """Close a connection, also for the processes that share it."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def _write(told: int, line: str) -> None:
    """Tell the server's process something, by a descriptor; nobody has to read it."""
    with suppress(BlockingIOError, BrokenPipeError):
        os.write(told, json.dumps(line[:LONGEST_TEXT]).encode() + b"\n")


async def _listen(listener: Listener, announced: Callable[[], Awaitable[None]] | None) -> None:
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _leave)
    await asyncio.gather(listener.run(), *([announced()] if announced else []))


def _leave() -> None:
    """End with the server: nobody writes to standard input, so that it ended."""
    shutil.rmtree(tempfile.gettempdir(), ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Listen as the first argument, JSON, says."""
    wanted = json.loads(sys.argv[1])
    tempfile.tempdir = wanted["folder"]
    told = os.dup(sys.stdout.fileno())
    os.set_blocking(told, False)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # for what sessions print
    runtime()
    listening = socket.socket(fileno=wanted["listening"])
    listening.setblocking(False)
    limits, key, tracker = Limits(**wanted["limits"]), wanted["key"], wanted["tracker"]
    tell = partial(_write, told)
    listener = Listener(listening, key, limits, tell, by_tracker=tracker is not None)
    port = listening.getsockname()[1]
    tell("ready")
    asyncio.run(_listen(listener, tracker and partial(announce, tracker, key, port, listener)))


if __name__ == "__main__":
    main()
