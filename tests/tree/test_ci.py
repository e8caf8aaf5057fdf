"""`.ci/run` in an empty checkout with commands that only note how they were called."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTE = '#!/bin/bash\necho "$(basename "$0") $*" >>{log}\n[[ "$(basename "$0") $*" != {fails} ]]\n'
TOOLS = ("cmake", "make")
VENV = ("pip", "pytest", "python")


@pytest.fixture
def ci(tmp_path):
    """Return a function that runs the script: its exit code, output, and the commands it calls."""
    checkout, tools, log = (tmp_path / name for name in ("checkout", "tools", "log"))
    tools.mkdir()
    for part in (".ci/run", "README.md", "tutorials/01_first_model.py", "tests/test_a.py"):
        (checkout / part).parent.mkdir(parents=True, exist_ok=True)
    (checkout / ".ci" / "run").write_bytes((ROOT / ".ci" / "run").read_bytes())
    (checkout / "README.md").write_bytes((ROOT / "README.md").read_bytes())
    (checkout / "tutorials" / "01_first_model.py").touch()
    (checkout / "tests" / "test_a.py").write_text("pytestmark = pytest.mark.torch\n")

    def run(*arguments, fails="never"):
        note = NOTE.format(log=log, fails=f'"{fails}"')
        for name in (*TOOLS, "noted"):
            (tools / name).write_text(note)
            (tools / name).chmod(0o755)
        venv = "mkdir -p .venv/bin; for name in {}; do cp {}/noted .venv/bin/$name; done\n"
        (tools / "python3").write_text("#!/bin/bash\n" + venv.format(" ".join(VENV), tools))
        (tools / "python3").chmod(0o755)
        log.write_text("")
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "CI": "false"}
        command = ["bash", checkout / ".ci" / "run", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr, log.read_text().splitlines()

    return run


def test_each_change_is_tested_once(ci):
    code, text, called = ci()
    assert code == 0, text
    assert called == [
        "pip install .[test]",
        "pytest -n auto",
        "pip install torch==2.13.0 onnxscript jax>=0.7,<0.11 eie-backend[interop]",
        "pytest -n auto -m torch or jax or interop or smoke tests/test_a.py",
        "make check",
        "make docs",
        "pytest --nightly -m notebook tests/show/test_displays.py "
        "tests/tutorials/test_notebooks.py::test_tutorial_runs_as_a_notebook[01_first_model]",
        "make test-cpp",
    ]
    assert re.findall(r"^ +\d+ s +\d+ s  (.*)", text, re.MULTILINE) == [
        "README's test command",
        "other extras installed",
        "tests with other extras",
        "make check",
        "make docs",
        "a notebook",
        "make test-cpp",
    ]


def test_the_night_leaves_no_test_out(ci):
    """With every extra that a marker names installed, all tests are run, selected by nothing."""
    code, text, called = ci("--nightly")
    assert code == 0, text
    every = "pytest -n auto --nightly --durations=30"
    assert called.index("make docs") < called.index(every)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    installed = re.search(r"^SITE := (.*)", makefile, re.MULTILINE)[1].split(",")
    assert re.search(r"^docs: .*\n\t\$\(call extras,\$\(SITE\)\)", makefile, re.MULTILINE)
    markers = re.search(
        r"^markers = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S
    )
    needed = re.findall("the extra `(.*?)`", markers[1])
    assert {"docs", "interop", "jax", "torch"} <= set(needed) <= set(installed)
    assert {"make check", "make test-cpp", "make test-cpp SANITIZERS=thread", "make fuzz"} <= {
        *called
    }


def test_make_nightly_is_this_script():
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", "nightly"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ".ci/run --nightly\n"


@pytest.mark.parametrize(
    "fails", ["pytest -n auto", "pip install .[test]", "make check", "make test-cpp"]
)
def test_a_stage_that_fails_ends_it(ci, fails):
    code, text, called = ci(fails=fails)
    assert code == 1
    assert called[-1] == fails
    assert "the stage after these failed: exit code 1" in text


def test_an_unknown_option_is_refused(ci):
    code, text, called = ci("--weekly")
    assert (code, called) == (2, [])
    assert "usage: .ci/run [--nightly], got: --weekly" in text


@pytest.mark.parametrize(("option", "skipped"), [((), True), (("--nightly",), False)])
def test_what_is_for_the_night_is_skipped_by_day_and_says_so(option, skipped):
    command = [sys.executable, "-I", "-m", "pytest", "--setup-plan", "-q", *option]
    command += ["tests/sharing/test_cluster.py", "-k", "normal-8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ("every change: `make nightly` runs it" in done.stdout) is skipped
