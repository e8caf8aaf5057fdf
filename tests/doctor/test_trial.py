"""The self-test runs; a step that fails, crashes or hangs is named with what to do."""

import subprocess

import pytest

from eie_backend.doctor import trial
from eie_backend.doctor.self_test import STEPS
from eie_backend.doctor.trial import trial_checks

GOOD = '{"found": "well", "fault": false}\n'


@pytest.fixture
def child(monkeypatch):
    """Make the process of the self-test end in another way."""

    def ends(stdout, code=0, stderr="", late=False):
        def run(command, **_):
            if late:
                raise subprocess.TimeoutExpired(command, trial.SECONDS, stdout.encode())
            return subprocess.CompletedProcess(command, code, stdout, stderr)

        monkeypatch.setattr(subprocess, "run", run)
        return list(trial_checks())

    return ends


@pytest.mark.nightly
def test_all_steps_succeed_here():
    checks = list(trial_checks())
    assert [check.name for check in checks] == [step.name for step in STEPS]
    assert {check.status for check in checks} == {"ok"}, checks
    assert "TVM on this CPU, functional, event, clock and NumPy agree" in checks[4].found


def test_a_crash_is_named(child):
    *before, last = child(GOOD * 2, code=-11)
    assert [check.status for check in before] == ["ok"] * 2
    assert (last.name, last.status, last.found) == ("LLVM", "fault", "crashed: SIGSEGV")
    assert last.remedy == STEPS[2].remedy


def test_a_step_that_fails_is_the_last(child):
    *_, last = child("a line of TVM's\n" + GOOD + '{"found": "OSError: no", "fault": true}\n')
    assert (last.name, last.status, last.found) == ("TVM's entry point", "fault", "OSError: no")
    assert last.remedy == STEPS[1].remedy


def test_a_process_that_does_not_start(child):
    (check,) = child("", 1, "Traceback\nImportError: nothing works")
    assert check.name == "C++ runtime"
    assert check.found == "ended with exit code 1: ImportError: nothing works"


def test_a_step_that_hangs(child):
    *_, last = child(GOOD * 5, late=True)
    assert (last.name, last.found) == ("self-test: export", "took longer than 600 s")
