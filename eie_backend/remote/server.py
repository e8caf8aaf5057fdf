"""`Server`: a TVM RPC server with eie, which is restarted after a session crashes.

TVM's server serves sessions in sequence, each in its own process. When such a process is killed,
the listening thread ends, too: TVM's server still exists, but no longer answers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from importlib.util import find_spec
from types import TracebackType

from tvm import rpc
from tvm.rpc.base import get_addr_family
from tvm.rpc.server import PopenRPCServerState

from eie_backend.errors import ExtraError, RemoteError
from eie_backend.remote.address import KEY, Address, shown
from eie_backend.runtime import runtime


class Server:
    """An RPC server that listens inside the ``with`` block.

    TVM RPC has no protection: anyone who can connect can run any code as the user of this process,
    and nothing is encrypted.

    Parameters
    ----------
    address : tuple of str and int
        Address to listen on; 127.0.0.1 is reachable only from this computer.
    key : str
        Key of the server, which clients ask for; a name, not a password.
    tracker : tuple of str and int, optional
        Address of a tracker to register with.
    quiet : bool
        Whether to suppress TVM's log of connections on stderr.

    Raises
    ------
    RemoteError
        If the address is in use or not this computer's, or the tracker does not answer.
    ExtraError
        If the extra `remote` is not installed.
    """

    def __init__(
        self,
        address: Address,
        key: str = KEY,
        tracker: Address | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        _check_extra()
        _check_free(address)
        if tracker is not None:
            _check_tracker(tracker)
        self.address, self._key, self._tracker, self._quiet = address, key, tracker, quiet

    def __enter__(self) -> Server:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._server.terminate()

    def wait(self) -> str:
        """Wait until a session's crash ends the server; restart it and return the reason."""
        self._server.proc.send(_wait, [os.getpid()])
        try:
            reason = str(self._server.proc.recv())
        except ChildProcessError:
            reason = "its process was killed"
        self._server.terminate()
        _check_free(self.address)
        self._start()
        return reason

    def _start(self) -> None:
        host, port = self.address
        self._server = rpc.Server(
            host,
            port,
            port + 1,
            tracker_addr=self._tracker,
            key=self._key,
            silent=self._quiet,
            server_init_callback=_begin,
        )


_reasons: list[str] = []


def _begin() -> None:
    """Prepare the process in which TVM listens."""
    runtime()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the command only
    threading.excepthook = lambda thread: _reasons.append(str(thread.exc_value))


def _wait(parent: int) -> str:
    """Return why TVM's listening thread ended; exit when the parent ends, even if killed."""
    listening = PopenRPCServerState.current.thread
    while listening.is_alive():
        listening.join(timeout=0.5)
        if os.getppid() != parent:
            for session in multiprocessing.active_children():
                session.kill()
            os._exit(1)
    return _reasons.pop()


def _check_extra() -> None:
    for package in ("cloudpickle", "psutil"):
        if find_spec(package) is None:
            raise ExtraError(f"a server needs {package}: pip install 'eie-backend[remote]'")


def _check_free(address: Address) -> None:
    if not 0 < address[1] < 1 << 16:
        raise RemoteError(f"{shown(address)}: no such port; choose one from 1 to 65535")
    try:
        socket.create_server(address, family=get_addr_family(address)).close()
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
