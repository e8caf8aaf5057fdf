"""``eie doctor``: what it says of installations that do not work, and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EIE = Path(sys.executable).with_name("eie")

WRONG_PAIR = """
import importlib.metadata as metadata, sys
installed = metadata.version
metadata.version = lambda name: "0.1.15" if name == "apache-tvm-ffi" else installed(name)
sys.modules["tvm"] = sys.modules["tvm_ffi"] = None
"""
"""A `sitecustomize` with a tvm-ffi that does not work, and must not be imported."""

NO_TVM = """
import importlib.metadata as metadata, sys
installed = metadata.version
def version(name):
    if name == "apache-tvm":
        raise metadata.PackageNotFoundError(name)
    return installed(name)
metadata.version = version
sys.modules["tvm"] = None
"""

PINS = "'apache-tvm>=0.27,<0.28' 'apache-tvm-ffi>=0.1.14.post0,<0.1.15'"


def doctor(folder, *options, **environment):
    done = subprocess.run(
        [sys.executable, EIE, "doctor", *options],
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def faults(text):
    return {c["name"]: c for c in json.loads(text)["checks"] if c["status"] == "fault"}


def test_all_is_well(tmp_path):
    code, text = doctor(tmp_path, "--json")
    found = json.loads(text)
    assert (code, found["healthy"]) == (0, True)
    assert not faults(text)
    assert [c["name"] for c in found["checks"]][-1] == "self-test: load"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("site", "package", "found"),
    [
        (WRONG_PAIR, "apache-tvm-ffi", "0.1.15; apache-tvm-ffi>=0.1.14.post0,<0.1.15 works"),
        (NO_TVM, "apache-tvm", "not installed; apache-tvm>=0.27,<0.28 works"),
    ],
    ids=["wrong pair", "no TVM"],
)
def test_tvm_packages_that_do_not_work(site, package, found, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(site)
    code, text = doctor(tmp_path, "--json", PYTHONPATH=str(tmp_path))
    assert code == 1
    (fault,) = faults(text).values()
    assert (fault["name"], fault["found"]) == (package, found)
    assert fault["remedy"] == f"pip install {PINS}"
    assert json.loads(text)["checks"][-1]["found"] == "not tried"
    code, text = doctor(tmp_path, PYTHONPATH=str(tmp_path))
    assert code == 1
    assert "1 fault, 1 warning:" in text
    assert f"- {package}: pip install {PINS}" in " ".join(text.split())


def test_other_commands_help_and_refuse(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WRONG_PAIR)

    def run(*command):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    assert run(EIE, "run", "--help")[0] == 0
    for command in ([EIE, "run", "m.so", "--input", "x.npy"], [EIE.with_name("eie-opt"), "--help"]):
        code, text, errors = run(*command)
        assert (code, text) == (2, "")
        assert errors.endswith(
            f"apache-tvm-ffi is 0.1.15, which does not work; run: pip install {PINS}\n"
        )


def test_no_compiler(tmp_path):
    code, text = doctor(tmp_path, "--json", PATH=str(tmp_path), CXX="", CC="")
    assert code == 1
    found = faults(text)
    assert list(found) == ["C++ compiler", "self-test: export"]  # it runs here all the same
    assert found["C++ compiler"]["remedy"].startswith("install g++")
    assert "see the C++ compiler above" in found["self-test: export"]["remedy"]


def test_the_text_for_a_report_is_plain_and_private(tmp_path):
    home = tmp_path / "home of somebody"
    (home / "tmp").mkdir(parents=True)
    environment = {"HOME": str(home), "LOGNAME": "somebody", "TMPDIR": str(home / "tmp")}
    (tmp_path / "sitecustomize.py").write_text(NO_TVM)
    _, text = doctor(tmp_path, "--plain", PYTHONPATH=str(tmp_path), **environment)
    assert text.startswith("```text\nok        Python ")
    assert text.endswith("```\n")
    assert text.replace("\n", "").isprintable()
    assert "GB free in ~/tmp\n" in text
    assert "somebody" not in text
    assert f"-> pip install {PINS}\n" in text
