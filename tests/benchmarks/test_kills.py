"""A few kills, at moments that a seed chooses; `benchmarks/kills.py` does 200.

With each change, `tests/files/test_whole_file.py` kills a writer half-way.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = Path(__file__).parents[2] / "benchmarks" / "kills.py"


@pytest.mark.nightly
def test_killed_commands_leave_whole_files_and_go_on(tmp_path):
    kills = 5
    command = [sys.executable, KILLS, str(kills), "compile"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: row["kills"] for name, row in found.items()} == {"compile": kills}
