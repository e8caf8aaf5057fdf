"""A compiled model on another machine: uploaded to an RPC server and called there."""

from __future__ import annotations

from tvm import rpc

from eie_backend.errors import RemoteError
from eie_backend.remote.address import KEY, Address, shown
from eie_backend.simulator.remote_place import reason


def connect(address: Address, key: str = KEY) -> rpc.RPCSession:
    """Open a session with a server that `eie serve` started; while it serves another, wait.

    Parameters
    ----------
    address : tuple of str and int
        Host and port of the server.
    key : str
        Its key.

    Returns
    -------
    tvm.rpc.RPCSession
        For `run` and `profile`; it ends when nothing refers to it any more.

    Raises
    ------
    RemoteError
        If nobody listens there, or not with that key.
    """
    try:
        return rpc.connect(*address, key)
    except Exception as error:
        raise RemoteError(
            f"{shown(address)}: no session with key {key}: {reason(error)}; start a server there: "
            "eie serve"
        ) from error
