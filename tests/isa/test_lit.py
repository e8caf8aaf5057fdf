"""The FileCheck tests of this folder: dialect programs through ``eie-opt``.

With each change, the lines that take nothing else run in this process; at night lit runs all.
"""

import re
import shlex
import subprocess
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import filecheck.main
import pytest

from eie_backend.isa import opt
from eie_backend.isa.verify import __doc__ as RULES

FOLDER = Path(__file__).parent / "lit"
FILES = sorted(FOLDER.glob("*.mlir"))
TOOLS = {"eie-opt": opt.main, "filecheck": filecheck.main.main}


def lines():
    """Yield each file with its lines of which every command is one of `TOOLS`."""
    for path in FILES:
        found = re.findall("^// RUN: (.*)$", path.read_text("utf-8"), re.MULTILINE)
        for number, line in enumerate(found, start=1):
            commands = [shlex.split(part.replace("%s", str(path))) for part in line.split(" | ")]
            if all(command[0] in TOOLS for command in commands):
                yield pytest.param(commands, id=f"{path.stem}-{number}")


@pytest.mark.parametrize("commands", [*lines()])
def test_a_line_by_itself(commands, monkeypatch):
    text = ""
    for command in commands:
        out, errors, given = StringIO(), StringIO(), TextIOWrapper(BytesIO(text.encode()))
        for name, stream in (("stdin", given), ("stdout", out), ("stderr", errors)):
            monkeypatch.setattr(sys, name, stream)
        monkeypatch.setattr(sys, "argv", command)
        try:
            TOOLS[command[0]]()
            code = 0
        except SystemExit as leaving:
            code = leaving.code or 0
        assert code == 0, f"{shlex.join(command)}:\n{out.getvalue()}{errors.getvalue()}"
        text = out.getvalue()


def test_each_file_has_such_a_line():
    assert {line.id.rpartition("-")[0] for line in lines()} == {path.stem for path in FILES}


@pytest.mark.nightly
def test_filecheck(tmp_path):
    lit = Path(sys.executable).with_name("lit")
    command = [sys.executable, lit, "-v", "--no-progress-bar", f"--param=exec_root={tmp_path}"]
    done = subprocess.run([*command, FOLDER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Passed: {len(FILES)} " in done.stdout.replace("  ", " ")


def test_every_rule_of_the_verifier_is_tested():
    text = (FOLDER / "verify.mlir").read_text("utf-8")
    rules = [line.split(".")[0] for line in RULES.splitlines() if line[:1].isdigit()]
    assert rules == [str(number) for number in range(1, len(rules) + 1)]
    assert all(f"// Rule {number}: " in text for number in rules)
