"""What tests let workers call: other processes import it by its name."""

import os
import signal
import time
from pathlib import Path

from eie_backend.files.whole_file import part_folder


def add(shared, item):
    return shared["add"] + item


def who(shared, item):
    return os.getpid(), id(shared)


def die_once(shared, item):
    """End the process under the first call of item 3; `shared` is a path."""
    if item == 3 and not Path(shared).exists():
        Path(shared).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def die(shared, item):
    os.kill(os.getpid(), signal.SIGKILL)


def fail(shared, item):
    raise ValueError("no")


def wait_long(shared, item):
    time.sleep(600)


def begin_a_file(shared, item):
    """Begin a file in the folder `shared`, and go on with it until the end."""
    with part_folder(Path(shared)) as part:
        for number in range(10**9):
            (part / str(number % 9)).write_bytes(b"begun")
