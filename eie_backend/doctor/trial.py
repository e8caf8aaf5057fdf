"""The self-test, watched from outside: a step that crashes its process is named all the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from eie_backend.doctor.check import Check
from eie_backend.doctor.self_test import STEPS

SECONDS = 600
"""After which a step that hangs is given up; all take less than 5 where nothing is slow or busy."""


def trial_checks() -> Iterator[Check]:
    """Run the self-test in a process of its own and yield its steps, up to the first fault."""
    with tempfile.TemporaryDirectory(prefix="eie_doctor_") as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "eie_backend.doctor.self_test"],
                cwd=folder,  # where no file can take the place of a module
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            output, how = error.stdout or b"", f"took longer than {SECONDS} s"
            lines = output.decode(errors="replace").splitlines()
        else:
            lines, how = done.stdout.splitlines(), _end(done.returncode, done.stderr)
    # TVM may print lines of its own.
    told = [json.loads(line) for line in lines if line.startswith('{"found"')]
    for step, row in zip(STEPS, told, strict=False):
        fault = bool(row["fault"])
        remedy = step.remedy if fault else ""
        yield Check(step.name, "fault" if fault else "ok", row["found"], remedy)
        if fault:
            return
    if len(told) < len(STEPS):
        step = STEPS[len(told)]
        yield Check(step.name, "fault", how, step.remedy)


def _end(code: int, errors: str) -> str:
    """Return how a process ended that did not come to its end."""
    if code < 0:
        return f"crashed: {signal.Signals(-code).name}"
    last = errors.strip().splitlines()[-1:]
    return f"ended with exit code {code}: {''.join(last)}"
