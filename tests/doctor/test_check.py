"""A check says nothing that its reader would not publish."""

import getpass
import platform
from pathlib import Path

import pytest

from eie_backend.doctor.check import Check, as_text, private


@pytest.fixture
def bob(monkeypatch):
    monkeypatch.setattr(Path, "expanduser", lambda path: Path("/home/bob"))
    monkeypatch.setattr(getpass, "getuser", lambda: "bob")
    monkeypatch.setattr(platform, "node", lambda: "laptop-7")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/bob/.venv/bin/python", "~/.venv/bin/python"),
        ("/data/bob/tmp", "/data/USER/tmp"),
        ("bob@laptop-7:", "USER@HOST:"),
        ("bobsled, laptop-70 and kebob", "bobsled, laptop-70 and kebob"),
        ("g++ 12.2.0", "g++ 12.2.0"),
    ],
)
def test_names_are_left_out(text, shown, bob):
    assert private(text) == shown
    check = Check("C++ compiler", "fault", text, text)
    assert (check.found, check.remedy) == (shown, shown)


def test_a_home_at_the_root_changes_no_path(monkeypatch, bob):
    monkeypatch.setattr(Path, "expanduser", lambda path: Path("/"))
    assert private("/usr/bin/g++") == "/usr/bin/g++"


def test_a_user_without_a_name(monkeypatch, bob):
    def nobody():
        raise KeyError("uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert private("/data/bob") == "/data/bob"


def test_the_text_is_a_code_block(bob):
    checks = [
        Check("numpy", "ok", "2.4.6"),
        Check("extra viz", "optional", "without plotly", "pip install"),
        Check("C++ compiler", "fault", "none", "install g++"),
    ]
    assert as_text(checks) == (
        "```text\n"
        "ok        numpy         2.4.6\n"
        "optional  extra viz     without plotly\n"
        "fault     C++ compiler  none\n"
        "                        -> install g++\n"
        "```\n"
    )
