"""Ctrl-C ends a process wherever it comes, undoes what is unfinished, and can be held back."""

import subprocess
import sys

from servers import SECONDS, free_port

from eie_backend.process import interrupts

UNDONE = """
import signal, sys, tempfile
from eie_backend.process import interrupts

interrupts.install()
with interrupts.undone(lambda: print("undone", flush=True)):
    with interrupts.undone(lambda: print("not undone", flush=True)):
        pass
    folder = tempfile.TemporaryDirectory(dir=sys.argv[1])

    class Dropped:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    Dropped()
    print("not reached", flush=True)
"""
HELD = """
import os, signal, subprocess, sys
from eie_backend.process.interrupts import held
try:
    with held():
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        os.killpg(0, signal.SIGINT)
        print("held", flush=True)
    print("not reached", flush=True)
except KeyboardInterrupt:
    child.communicate(b"line")
    print(child.returncode)
"""

WAITING = """
import os, signal, sys, threading
from eie_backend.process.interrupts import ringing
from eie_backend.remote.server import Server

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

def another():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    while sys._current_frames()[threading.main_thread().ident].f_code is not Server.wait.__code__:
        pass
    os.kill(os.getpid(), signal.SIGINT)

with Server(("127.0.0.1", PORT)) as server, ringing(server.bell):
    try:
        threading.Thread(target=another).start()
        server.wait()
    except KeyboardInterrupt:
        print("woken")
"""


def test_interrupt_in_a_destructor_which_drops_exceptions(tmp_path):
    command = [sys.executable, "-c", UNDONE, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "undone\n", interrupts.LINE)
    assert list(tmp_path.iterdir()) == []


def test_interrupt_that_is_held_comes_later_and_to_no_child():
    done = subprocess.run(
        [sys.executable, "-c", HELD],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert (done.stdout, done.stderr) == ("held\n0\n", "")


def test_interrupt_that_does_not_end_the_wait_of_the_main_thread():
    """As one does that comes just before the wait: here, because another thread gets it."""
    code = WAITING.replace("PORT", str(free_port()))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert (done.stdout, done.stderr) == ("woken\n", "")
