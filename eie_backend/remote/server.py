"""`Server`: an RPC server with eie, in processes of its own that end with it.

This process owns the listening socket. `Listener` accepts from it in another process, and if that
process ends, it is started again, while clients that connect wait.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from dataclasses import asdict
from types import TracebackType
from typing import IO

from tvm.rpc.base import get_addr_family

from eie_backend.errors import RemoteError
from eie_backend.remote.address import KEY, Address, shown
from eie_backend.remote.client_limits import Limits

MOST_SAID = 1000
"""Sentences that are kept until `Server.wait` returns them."""

BACKLOG = 128
READY = "ready"


class Server:
    """An RPC server that listens inside the ``with`` block.

    TVM RPC has no protection: anyone who can connect can run any code as the user of this process,
    and nothing is encrypted. The limits are for clients that are broken, not for hostile ones.

    Parameters
    ----------
    address : tuple of str and int
        Address to listen on; 127.0.0.1 is reachable only from this computer.
    key : str
        Key of the server, which clients ask for; a name, not a password.
    tracker : tuple of str and int, optional
        Address of a tracker to register with.
    limits : Limits, optional
        What a client may take in time, bytes and places.

    Attributes
    ----------
    bell : socket
        What is written to it wakes `wait`, for `interrupts.ringing`.

    Raises
    ------
    RemoteError
        If the address is in use or not this computer's, or the tracker does not answer.
    """

    def __init__(
        self,
        address: Address,
        key: str = KEY,
        tracker: Address | None = None,
        limits: Limits | None = None,
    ) -> None:
        if tracker is not None:
            _check_tracker(tracker)
        self.address, self._key, self._tracker = address, key, tracker
        self._limits = Limits() if limits is None else limits
        self._listening = _listening(address)
        self._said: queue.Queue[str | None] = queue.Queue(MOST_SAID)
        self._rings, self.bell = socket.socketpair()
        self.bell.setblocking(False)
        self._ends = threading.Event()

    def __enter__(self) -> Server:
        with ExitStack() as stack:
            for own in (self._listening, self._rings, self.bell):
                stack.enter_context(own)
            self._folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="eie_serve_"))
            stack.callback(self._kill)
            self._start()
            self._keeper = threading.Thread(target=self._keep, daemon=True)
            self._keeper.start()
            stack.callback(self._keeper.join)
            stack.callback(self._kill)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._stack.close()

    def wait(self) -> str:
        """Wait until a client waits, is refused, or loses its session; return that as a sentence.

        Raises
        ------
        RemoteError
            If the server ended and does not start again.
        """
        while self._said.empty():
            self._rings.recv(MOST_SAID)
        said = self._said.get()
        if said is None:
            raise RemoteError(
                f"{shown(self.address)}: the server ended and does not start again; see the lines "
                "above"
            )
        return said

    def _start(self) -> None:
        wanted = {
            "listening": self._listening.fileno(),
            "folder": self._folder,
            "key": self._key,
            "tracker": self._tracker,
            "limits": asdict(self._limits),
        }
        self._process = subprocess.Popen(  # noqa: S603 - this package's own file
            [sys.executable, "-m", "eie_backend.remote.listener", json.dumps(wanted)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._listening.fileno()],
            start_new_session=True,  # a terminal's Ctrl-C is for the command only
        )
        if _lines(self._process).readline().strip() != json.dumps(READY).encode():
            with self._process:
                self._kill()
            raise RemoteError(
                f"{shown(self.address)}: the server does not start; see the lines above"
            )

    def _keep(self) -> None:
        """Collect what the process says, and start it again when it ends."""
        while True:
            with self._process:
                reader = threading.Thread(target=self._read, args=(_lines(self._process),))
                reader.start()
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
                self._kill()  # the sessions
                reader.join()
            if self._ends.is_set():
                return
            self._say("the server's process was killed; it listens again")
            try:
                self._start()
            except RemoteError:
                return self._say(None)

    def _read(self, lines: IO[bytes]) -> None:
        for line in lines:
            self._say(json.loads(line))

    def _say(self, said: str | None) -> None:
        with suppress(queue.Full):
            self._said.put_nowait(said)
        with suppress(BlockingIOError):  # it rings for long
            self.bell.send(b"\0")

    def _kill(self) -> None:
        """End the process and all sessions."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _lines(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout


def _listening(address: Address) -> socket.socket:
    if not 0 < address[1] < 1 << 16:
        raise RemoteError(f"{shown(address)}: no such port; choose one from 1 to 65535")
    try:
        return socket.create_server(address, family=get_addr_family(address), backlog=BACKLOG)
    except OSError as error:
        raise RemoteError(
            f"{shown(address)}: cannot listen: {_reason(error)}; choose another port, or an "
            "address of this machine"
        ) from error


def _check_tracker(address: Address) -> None:
    try:
        socket.create_connection(address, timeout=10).close()
    except OSError as error:
        raise RemoteError(
            f"{shown(address)}: no tracker: {_reason(error)}; start it there: "
            "python -m tvm.exec.rpc_tracker"
        ) from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).partition(" (")[0]
