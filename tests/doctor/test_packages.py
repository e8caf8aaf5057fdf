"""What is installed, and what to install."""

from importlib.metadata import metadata

import pytest

from eie_backend import _versions
from eie_backend.doctor import packages
from eie_backend.doctor.packages import EXTRAS, package_checks, requirements


def checks(monkeypatch, **changed):
    """Return the checks by name with some packages of another version, or None."""
    found = _versions.installed
    changed = {name.replace("_", "-"): version for name, version in changed.items()}
    for module in (_versions, packages):
        monkeypatch.setattr(module, "installed", lambda name: changed.get(name, found(name)))
    if None in changed.values():

        def installed(name):
            return changed[name] if name in changed else found(name)

        for module in (_versions, packages):
            monkeypatch.setattr(module, "installed", installed)
    return {check.name: check for check in package_checks()}


def test_what_is_needed_is_there(monkeypatch):
    found = checks(monkeypatch)
    assert {check.status for name, check in found.items() if "extra" not in name} == {"ok"}
    assert {"Python", "eie", "apache-tvm", "apache-tvm-ffi", "numpy", "onnx", "xdsl"} <= set(found)


@pytest.mark.parametrize("version", ["0.1.15", None])
def test_a_tvm_package_that_does_not_work(monkeypatch, version):
    check = checks(monkeypatch, apache_tvm_ffi=version)["apache-tvm-ffi"]
    pin = "apache-tvm-ffi>=0.1.14.post0,<0.1.15"
    assert (check.status, check.found) == ("fault", f"{version or 'not installed'}; {pin} works")
    assert check.remedy == f"pip install 'apache-tvm>=0.27,<0.28' '{pin}'"


def test_a_missing_package(monkeypatch):
    check = checks(monkeypatch, xdsl=None)["xdsl"]
    assert (check.status, check.found) == ("fault", "not installed")
    assert check.remedy == "pip install xdsl"


def test_a_missing_extra_is_no_fault(monkeypatch):
    check = checks(monkeypatch, optuna=None)["extra explore"]
    assert check.status == "optional"
    assert check.found == "without optuna; for eie sweep, eie compress --search optuna"
    assert check.remedy == "pip install '.[explore]' in eie's checkout"


def test_the_extras_are_those_of_the_project():
    known = set(metadata("eie-backend").get_all("Provides-Extra"))
    assert known - {"bench", "dev", "docs", "interop", "test"} == EXTRAS.keys()
    assert all(map(requirements, EXTRAS))
    assert "rich" in requirements()
    assert "optuna" not in requirements()
