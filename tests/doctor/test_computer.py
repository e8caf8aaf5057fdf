"""The computer: room for temporary files, and a compiler that links."""

import shutil
import tempfile

import pytest

from eie_backend.doctor import computer


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Return a function that makes the only compiler on the PATH a shell script."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.delenv("CC", raising=False)

    def make(name, script):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make


def test_this_computer_has_what_it_needs():
    found = {check.name: check for check in computer.computer_checks()}
    assert list(found) == ["system", "cores", "memory", "temporary files", "C++ compiler"]
    assert {check.status for check in found.values()} == {"ok"}


def test_no_compiler(tools):
    check = computer.compiler()
    assert check.status == "fault"
    assert check.found == "none of g++, gcc, clang++, clang, c++, cc is on the PATH"
    assert "apt-get install g++" in check.remedy


def test_a_compiler_that_cannot_link(tools):
    path = tools("clang++", 'case "$1" in --version) echo clang 19;; *) echo no ld; exit 1;; esac')
    check = computer.compiler()
    assert (check.status, check.found) == ("fault", f"{path} does not link: no ld")


def test_the_variable_goes_before_the_path(tools, monkeypatch):
    tools("g++", "echo g++")
    path = tools("mine", "echo mine 1.0")
    monkeypatch.setenv("CXX", str(path))
    check = computer.compiler()
    assert (check.status, check.found) == ("ok", f"{path}: mine 1.0")


def test_a_variable_that_names_nothing(tools, monkeypatch):
    monkeypatch.setenv("CXX", "/nowhere/g++")
    check = computer.compiler()
    assert check.status == "fault"
    assert check.found.startswith("/nowhere/g++ does not link: ")


def test_little_room(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, 10**8))
    check = computer.temporary_files()
    assert check.status == "warning"
    assert check.found.startswith("0.1 GB free in ")
    assert check.remedy == "set TMPDIR to a folder with room"


def test_no_folder_for_temporary_files(monkeypatch):
    def none():
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert computer.temporary_files().status == "fault"
