"""A pair of TVM packages that does not work is refused at import."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from eie_backend import _versions
from eie_backend.errors import EieError, VersionError

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
GOOD = {"apache-tvm": "0.27.0.post1", "apache-tvm-ffi": "0.1.14.post1"}
PINS = "'apache-tvm>=0.27,<0.28' 'apache-tvm-ffi>=0.1.14.post0,<0.1.15'"


def check(monkeypatch, **changed):
    installed = GOOD | {name.replace("_", "-"): found for name, found in changed.items()}

    def version(package):
        if installed[package] is None:
            raise PackageNotFoundError(package)
        return installed[package]

    monkeypatch.setattr(_versions, "version", version)
    _versions.check_versions()


def message(monkeypatch, **changed):
    with pytest.raises(VersionError) as error:
        check(monkeypatch, **changed)
    return str(error.value)


def test_the_installed_pair_works():
    _versions.check_versions()


@pytest.mark.parametrize("tvm", ["0.27", "0.27.0", "0.27.0.post1", "0.27.9"])
@pytest.mark.parametrize("ffi", ["0.1.14.post0", "0.1.14.post1", "0.1.14.post20"])
def test_the_pinned_range_is_accepted(monkeypatch, tvm, ffi):
    check(monkeypatch, apache_tvm=tvm, apache_tvm_ffi=ffi)


@pytest.mark.parametrize("tvm", ["0.26.9", "0.28.dev0", "0.28", "0.28.0", "1.0"])
def test_another_tvm_is_refused(monkeypatch, tvm):
    assert message(monkeypatch, apache_tvm=tvm) == (
        f"eie_backend: apache-tvm is {tvm}, which does not work; run: pip install {PINS}"
    )


@pytest.mark.parametrize("ffi", ["0.1.13", "0.1.15", "0.1.15.post1", "0.2.0"])
def test_another_tvm_ffi_is_refused(monkeypatch, ffi):
    assert message(monkeypatch, apache_tvm_ffi=ffi) == (
        f"eie_backend: apache-tvm-ffi is {ffi}, which does not work; run: pip install {PINS}"
    )


def test_a_missing_package_is_named(monkeypatch):
    assert message(monkeypatch, apache_tvm_ffi=None) == (
        "eie_backend: apache-tvm-ffi is not installed, which does not work; "
        f"run: pip install {PINS}"
    )


def test_all_faults_at_once(monkeypatch):
    assert message(monkeypatch, apache_tvm="0.28", apache_tvm_ffi="0.1.15") == (
        "eie_backend: apache-tvm is 0.28 and apache-tvm-ffi is 0.1.15, which does not work; "
        f"run: pip install {PINS}"
    )


def test_it_is_an_import_error_of_ours():
    assert issubclass(VersionError, ImportError)
    assert issubclass(VersionError, EieError)


def test_the_import_fails_with_a_wrong_pair():
    script = (
        "import importlib.metadata as m\n"
        "m.version = {'apache-tvm': '0.27.0', 'apache-tvm-ffi': '0.1.15'}.__getitem__\n"
        "import eie_backend\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1] == (
        "eie_backend.errors.VersionError: eie_backend: apache-tvm-ffi is 0.1.15, "
        f"which does not work; run: pip install {PINS}"
    )


def test_the_pins_are_the_dependencies():
    dependencies = re.findall(r'^  "(apache-tvm.*)",$', PYPROJECT.read_text("utf-8"), re.MULTILINE)
    assert dependencies == [pin for _, _, pin in _versions.ALLOWED.values()]
