"""The FileCheck tests of this folder, run by lit: dialect programs through ``eie-opt``."""

import subprocess
import sys
from pathlib import Path

from eie_backend.isa.verify import __doc__ as RULES

FOLDER = Path(__file__).parent / "lit"


def test_filecheck(tmp_path):
    lit = Path(sys.executable).with_name("lit")
    command = [sys.executable, lit, "-v", "--no-progress-bar", f"--param=exec_root={tmp_path}"]
    done = subprocess.run([*command, FOLDER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Passed: {len(list(FOLDER.glob('*.mlir')))} " in done.stdout.replace("  ", " ")


def test_every_rule_of_the_verifier_is_tested():
    text = (FOLDER / "verify.mlir").read_text("utf-8")
    rules = [line.split(".")[0] for line in RULES.splitlines() if line[:1].isdigit()]
    assert rules == [str(number) for number in range(1, len(rules) + 1)]
    assert all(f"// Rule {number}: " in text for number in rules)
