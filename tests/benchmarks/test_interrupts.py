"""A few interrupts, at moments that a seed chooses; `benchmarks/interrupts.py` does 600."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTS = Path(__file__).parents[2] / "benchmarks" / "interrupts.py"


@pytest.mark.nightly
@pytest.mark.parametrize(("count", "name"), [(2, "compile"), (10, "sweep")])
def test_a_command_ends_at_once(count, name, tmp_path):
    command = [sys.executable, INTERRUPTS, str(count), name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)[name]
    assert (found["interrupts"], found["faults"]) == (count, 0)
