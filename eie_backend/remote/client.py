"""`connect`: open a session with an RPC server, to upload a compiled model and call it there."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from tvm import rpc

from eie_backend.errors import RemoteError
from eie_backend.remote.address import KEY, Address, shown
from eie_backend.remote.wire import BUSY, GREETING, HOW_BUSY
from eie_backend.simulator.remote_place import reason

ANSWER_SECONDS = 2.0
"""How long to wait for an answer to `how_busy`; TVM's own servers do not know it."""

PATIENCE, PAUSE_SECONDS = 5, 0.1
"""How often to ask: a session that has just ended needs a moment."""


def connect(
    address: Address, key: str = KEY, told: Callable[[str], None] = lambda line: None
) -> rpc.RPCSession:
    """Open a session with a server of `eie serve`; wait while it serves another session.

    Parameters
    ----------
    address : tuple of str and int
        Host and port of the server.
    key : str
        The server's key.
    told : callable
        Called with a sentence before the wait for others. If it raises, nobody waits.

    Returns
    -------
    tvm.rpc.RPCSession
        A session for `run` and `profile`; it ends with the last reference to it.

    Raises
    ------
    RemoteError
        If there is no server, it has another key, or too many wait for it.
    """
    answers = _tell_busy(address, told)
    try:
        return rpc.connect(*address, key)
    except Exception as error:
        if answers:
            raise RemoteError(
                f"{shown(address)}: no session with key {key}: {reason(error)}; see what "
                "`eie serve` says there"
            ) from error
        raise RemoteError(
            f"{shown(address)}: no session with key {key}: {reason(error)}; start a server there: "
            "eie serve"
        ) from error


def how_busy(address: Address) -> tuple[int, int] | None:
    """Return how many clients a server serves (0 or 1), and how many wait.

    None if it does not answer, as a server of TVM's own.
    """
    try:
        with socket.create_connection(address, timeout=ANSWER_SECONDS) as sock:
            sock.sendall(GREETING.pack(HOW_BUSY, 0))
            answer = sock.recv(BUSY.size, socket.MSG_WAITALL)
    except OSError:
        return None
    return BUSY.unpack(answer) if len(answer) == BUSY.size else None


def _tell_busy(address: Address, told: Callable[[str], None]) -> bool:
    """Call `told` if a server serves others, and not only for a moment; return if it answers."""
    for _ in range(PATIENCE):
        found = how_busy(address)
        if found is None:
            return False
        served, waiting = found
        if not served and not waiting:
            return True
        time.sleep(PAUSE_SECONDS)
    told(f"{shown(address)} serves another client, and {waiting} wait for it; waiting")
    return True
