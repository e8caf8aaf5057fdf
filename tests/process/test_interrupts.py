"""Ctrl-C is not lost where its exception is, and is held back where it must not come between."""

import subprocess
import sys

LOST = """
import signal, time
from eie_backend.process import interrupts

class Dropped:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

interrupts.install()
interrupts.began()
try:
    Dropped()
    while True:
        time.sleep(60)
except KeyboardInterrupt:
    print(interrupts.came())
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


def test_interrupt_that_a_destructor_drops_is_raised_again():
    done = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_interrupt_that_is_held_comes_later_and_to_no_child():
    done = subprocess.run(
        [sys.executable, "-c", HELD],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert (done.stdout, done.stderr) == ("held\n0\n", "")
