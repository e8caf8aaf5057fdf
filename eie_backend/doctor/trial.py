"""Run the self-test in a child process, so that a step that crashes is reported, too."""

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
"""Time limit of the self-test, which a step that hangs reaches; normally it takes less than 5."""


def trial_checks() -> Iterator[Check]:
    """Run the self-test in a child process and yield its steps, up to the first fault."""
    with tempfile.TemporaryDirectory(prefix="eie_doctor_") as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "eie_backend.doctor.self_test"],
                cwd=folder,  # a folder without files that could shadow modules
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
    # TVM may print its own lines.
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
    """Describe the end of a process that did not finish."""
    if code < 0:
        return f"crashed: {signal.Signals(-code).name}"
    last = errors.strip().splitlines()[-1:]
    return f"ended with exit code {code}: {''.join(last)}"
