"""Tests can be listed without being run."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.nightly
def test_a_list_of_tests_misses_no_golden_file():
    command = [
        sys.executable,
        "-I",  # the installed package, not the folder that it runs in
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-o",
        "testpaths=tests/schedules",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "tests/schedules/test_kernel.py::" in done.stdout
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
