"""The outcomes of node tests, each run where it can end no process but its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path

CHILD = Path(__file__).with_name("node_suite.py")


def outcomes(names):
    """Return ``(outcome, reason)`` by name; a process that dies is begun again after the test."""
    found, left = {}, list(names)
    while left:
        done = subprocess.run(
            [sys.executable, CHILD, *left], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, check=False,
        )  # fmt: skip
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
        found |= {row[0]: tuple(row[1:]) for row in rows if len(row) > 1}
        begun = [row[0] for row in rows if row[0] not in found]
        if done.returncode == 0:
            break
        if not begun:
            raise RuntimeError(f"{CHILD.name} ends with {done.returncode} before a test")
        found[begun[-1]] = ("signal", signal.Signals(-done.returncode).name)
        left = left[left.index(begun[-1]) + 1 :]
    return found
