"""`connect`: open a session with an RPC server, to upload a compiled model and call it there."""

from __future__ import annotations

from tvm import rpc

from eie_backend.errors import RemoteError
from eie_backend.remote.address import KEY, Address, shown
from eie_backend.simulator.remote_place import reason


def connect(address: Address, key: str = KEY) -> rpc.RPCSession:
    """Open a session with a server of `eie serve`; wait while it serves another session.

    Parameters
    ----------
    address : tuple of str and int
        Host and port of the server.
    key : str
        The server's key.

    Returns
    -------
    tvm.rpc.RPCSession
        A session for `run` and `profile`; it ends with the last reference to it.

    Raises
    ------
    RemoteError
        If there is no server, or it has another key.
    """
    try:
        return rpc.connect(*address, key)
    except Exception as error:
        raise RemoteError(
            f"{shown(address)}: no session with key {key}: {reason(error)}; start a server there: "
            "eie serve"
        ) from error
