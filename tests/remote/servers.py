"""Other processes, servers on loopback among them: awaited for as long as a slow machine needs."""

import socket
import time

SECONDS = 600
"""How long a test waits for another process before it fails."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def wait_until(done):
    end = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < end, "this takes too long"
        time.sleep(0.05)
