"""`serve`: a session with a client, in a process of its own; TVM does what its messages say."""

from __future__ import annotations

import os
from collections.abc import Callable

from tvm.rpc import _ffi_api
from tvm.rpc.server import _server_env, logger
from tvm.support.utils import TempDirectory

from eie_backend.errors import last_line
from eie_backend.remote.channel import Channel
from eie_backend.remote.client_limits import Limits
from eie_backend.remote.greeting import Client
from eie_backend.simulator.unrecorded import untold


def serve(
    client: Client, limits: Limits, folder: TempDirectory, tell: Callable[[str], None]
) -> None:
    """Do what a client says, in `folder`, until it leaves or meets a limit.

    `tell` is called with the reason if it does not just leave.
    """
    os.chdir(folder.path)
    logger.setLevel("ERROR")
    _server_env(None, folder)
    channel = Channel(client.sock, client.first, limits)
    try:
        with untold():  # nobody here made these calls; `run` and `profile` tell the client
            _ffi_api.ServerLoop(channel.send, channel.receive)
    except Exception as error:
        tell(f"the session of {client.name} ended: {channel.fault or last_line(error)}")
        if channel.fault:
            channel.explain()
