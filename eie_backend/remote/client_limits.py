"""`Limits`: what a client of a server may take in time, bytes and places."""

from __future__ import annotations

from dataclasses import dataclass, fields

from eie_backend.errors import RemoteError

MOST = 1 << 40
"""Upper limit of every limit."""


@dataclass(frozen=True)
class Limits:
    """What a client of a server may take.

    Attributes
    ----------
    timeout_seconds : float
        For a client's whole greeting, and without a byte in the middle of a message.
    idle_seconds : float
        Between two messages of a session.
    message_bytes : int
        Size of a message: a library or an input is one.
    waiting : int
        Clients that wait while another one is served.

    Raises
    ------
    RemoteError
        If a limit is not positive; `waiting` may be 0.
    """

    timeout_seconds: float = 10.0
    idle_seconds: float = 600.0
    message_bytes: int = 1 << 30
    waiting: int = 16

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "waiting" else 1e-3
            if not least <= value <= MOST:
                raise RemoteError(
                    f"limit {field.name}: {value}; give a number from {least:g} to {MOST:,}"
                )
