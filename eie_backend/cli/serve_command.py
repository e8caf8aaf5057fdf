"""``eie serve``: run the models that other processes send over TVM RPC."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Annotated

import typer

from eie_backend.cli.console import remark, show
from eie_backend.errors import RemoteError
from eie_backend.process import foreign, interrupts

EXAMPLE = """Example:

    eie serve &

    eie profile lenet.so --input images.npy --remote 127.0.0.1:9090
"""

ANYONE_HERE = (
    "Whoever can connect can run any code as you: TVM RPC executes what it is sent. To this "
    "address, only users of this machine can."
)
ANYONE = (
    "WARNING: other machines may reach this address, and whoever can connect can run any code as "
    "you: TVM RPC executes what it is sent, asks for no password and encrypts nothing. Better: "
    "leave --host at 127.0.0.1 and come through an SSH tunnel."
)


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen at; the default is reached from here only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 9090,
    tracker: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="TVM tracker to announce itself to.")
    ] = None,
    key: Annotated[
        str, typer.Option(help="Name that clients ask a tracker for; not a password.")
    ] = "eie",
    timeout_seconds: Annotated[
        float,
        typer.Option(help="Longest time for a greeting, and for silence amid a message."),
    ] = 10.0,
    idle_seconds: Annotated[
        float, typer.Option(help="Longest time between two messages of a session.")
    ] = 600.0,
    max_message_bytes: Annotated[
        int, typer.Option(help="Largest message: a library or an input is one.")
    ] = 1 << 30,
    max_waiting: Annotated[
        int, typer.Option(help="Most clients that wait while another one is served.")
    ] = 16,
) -> None:
    """Serve compiled models over TVM RPC, until Ctrl-C.

    TVM RPC executes whatever it is sent: whoever can connect can run any code as you.
    """
    from eie_backend.remote.address import is_local, read_address, shown
    from eie_backend.remote.client_limits import Limits
    from eie_backend.remote.server import Server

    address = (host, port)
    limits = Limits(timeout_seconds, idle_seconds, max_message_bytes, max_waiting)
    server = Server(address, key, None if tracker is None else read_address(tracker), limits)
    interrupts.raise_it()
    signal.signal(signal.SIGTERM, _stop)
    remark(ANYONE_HERE if is_local(host) else ANYONE)
    try:
        with server, interrupts.ringing(server.bell):
            show(
                {"host": host, "port": port, "key": key, "tracker": tracker},
                f"listening at {shown(address)}, key {key}; Ctrl-C ends it",
            )
            while True:
                remark(server.wait())
    except KeyboardInterrupt:
        remark("ended")
    except RemoteError:
        foreign.show()  # what the server's process printed
        raise


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Exit as with Ctrl-C."""
    raise KeyboardInterrupt


serve.__doc__ = f"{serve.__doc__}\n\n{EXAMPLE}"
