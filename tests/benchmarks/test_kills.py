"""A few kills, at moments that a seed chooses; `benchmarks/kills.py` does 200."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = Path(__file__).parents[2] / "benchmarks" / "kills.py"


@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.nightly)])
def test_killed_commands_leave_whole_files_and_go_on(kills, tmp_path):
    command = [sys.executable, KILLS, str(kills), "compile"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: row["kills"] for name, row in found.items()} == {"compile": kills}
