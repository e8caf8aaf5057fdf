"""`Channel`: a client's bytes for TVM's server loop, message by message, within limits.

TVM makes room for a message as soon as it knows its length. The channel looks at the length first.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress

from eie_backend.remote.client_limits import Limits
from eie_backend.remote.wire import LENGTH, exception

LEAST_BYTES, MOST_BYTES = 1 << 12, 1 << 20
"""Sizes of parts: a buffer for a large one takes longer to get than a small message to answer."""


class Channel:
    """A client's connection; `fault` says which limit ended it.

    Parameters
    ----------
    sock : socket
        The connection.
    first : bytes
        What was already read from it: one whole message.
    limits : Limits
        What the client may take.
    """

    def __init__(self, sock: socket.socket, first: bytes, limits: Limits) -> None:
        self._sock, self._limits = sock, limits
        self._read = first
        self._left_bytes = len(first)
        self.fault = ""
        # The system watches the time: each part is one call, as in TVM's own loop.
        sock.setblocking(True)
        _within(sock, socket.SO_SNDTIMEO, limits.timeout_seconds)

    def receive(self, size: int) -> bytes:
        """Return 1 to `size` bytes of a message; none if the client has left."""
        if not self._left_bytes and not self._begin():
            return b""
        if not self._read:
            self._read = self._receive(self._limits.timeout_seconds)
        part = self._read[: min(size, self._left_bytes)]
        self._read = self._read[len(part) :]
        self._left_bytes -= len(part)
        return part

    def _begin(self) -> bool:
        """Read a message's length; return whether there is one."""
        seconds = self._limits.idle_seconds
        while len(self._read) < LENGTH.size:
            part = self._receive(self._limits.timeout_seconds if self._read else seconds)
            if not part:
                return False
            self._read += part
        (length,) = LENGTH.unpack_from(self._read)
        if length > self._limits.message_bytes:
            self._end(
                f"a message has {length:,} bytes, the server takes {self._limits.message_bytes:,}: "
                "send less, or start it with a larger --max-message-bytes"
            )
        self._left_bytes = LENGTH.size + length
        return True

    def _receive(self, seconds: float) -> bytes:
        _within(self._sock, socket.SO_RCVTIMEO, seconds)
        try:
            return self._sock.recv(min(max(self._left_bytes, LEAST_BYTES), MOST_BYTES))
        except BlockingIOError:
            self._end(
                f"the client sent nothing for {seconds:g} s: connect again, or start the server "
                "with more --idle-seconds or --timeout-seconds"
            )
            raise

    def send(self, data: bytes) -> int:
        """Send `data`, while the client takes some of it in time; nothing after a fault."""
        left = memoryview(data)
        while left and not self.fault:
            try:
                left = left[self._sock.send(left) :]
            except BlockingIOError:
                self._end(f"the client took nothing for {self._limits.timeout_seconds:g} s")
        return len(data)

    def _end(self, fault: str) -> None:
        self.fault = fault
        raise OSError(fault)

    def explain(self) -> None:
        """Tell the client the fault, for a while.

        A client that is still sending reads it only when all that it sends was taken.
        """
        end = time.monotonic() + self._limits.timeout_seconds
        with suppress(OSError):
            self._sock.sendall(exception(self.fault))
            self._sock.shutdown(socket.SHUT_WR)
            _within(self._sock, socket.SO_RCVTIMEO, self._limits.timeout_seconds)
            while time.monotonic() < end and self._sock.recv(MOST_BYTES):
                pass


def _within(sock: socket.socket, option: int, seconds: float) -> None:
    """Let each call for a socket end with `BlockingIOError` after some time."""
    whole = int(seconds)
    sock.setsockopt(
        socket.SOL_SOCKET, option, struct.pack("ll", whole, int((seconds - whole) * 1e6))
    )
