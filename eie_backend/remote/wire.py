"""The bytes by which clients and servers of TVM RPC greet each other, and a question of our own.

A client sends `GREETING` and its key, the server answers with a code and its own key, and the
client begins its session with a message that says `INIT_SERVER`. A message is its length, a code,
and the rest. The question `HOW_BUSY` has a number of its own in place of TVM's, so that TVM's own
server closes the connection.
"""

from __future__ import annotations

import socket
from struct import Struct

from tvm.rpc import _ffi_api

GREETING = Struct("<2i")
"""TVM's magic number, or `HOW_BUSY`, and the length of the key, in bytes."""

CODE = Struct("<i")
LENGTH = Struct("<Q")

HOW_BUSY = 0xE1E0A
BUSY = Struct("<2i")
"""The answer to `HOW_BUSY`: clients that are served (0 or 1), and that wait."""

INIT_SERVER = 2
MOST_KEY_BYTES = 1 << 10
MOST_FIRST_BYTES = 1 << 16
"""Size of a session's first message, which has TVM's version and names a kind of session."""

LONGEST_TEXT = 1000


def exception(text: str) -> bytes:
    """Return a message that raises an exception at the client, whatever it has asked."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _ffi_api.ReturnException(ours.fileno(), text[:LONGEST_TEXT])
        ours.shutdown(socket.SHUT_WR)
        parts = iter(lambda: theirs.recv(1 << 16), b"")
        return b"".join(parts)
