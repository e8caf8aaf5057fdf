"""All of ONNX's node tests, each beside a dense layer: as ``node_outcomes.yaml`` says."""

import pytest
import yaml
from node_outcomes import expected, written
from node_runs import outcomes
from node_suite import suite

EACH = 300
"""Every such test is run with each change: a few seconds of a core. At night, all are."""

AT_LEAST = 1140


def changed(names):
    """Return what is not as written down, test by test."""
    wanted, found = expected(), yaml.safe_load(written(outcomes(names)))
    return {
        name: (found[name], wanted.get(name)) for name in names if found[name] != wanted.get(name)
    }


def test_some_become_what_is_written_down():
    assert changed(sorted(expected())[::EACH]) == {}


@pytest.mark.nightly
def test_all_become_what_is_written_down():
    assert changed(sorted(suite())) == {}


def test_none_is_wrong_and_none_ends_in_a_traceback():
    kinds = [next(iter(one)) if isinstance(one, dict) else one for one in expected().values()]
    assert {*kinds} == {"right", "as_runtime", "refused"}
    assert kinds.count("right") >= AT_LEAST
    assert kinds.count("as_runtime") == 2  # Resize's align_corners by a broken scale


@pytest.mark.nightly
def test_a_process_that_dies_is_begun_again_after_the_test(monkeypatch):
    monkeypatch.setenv("EIE_DIES_AT", "test_abs")
    found = outcomes(["test_relu", "test_abs", "test_neg"])
    assert found == {
        "test_abs": ("signal", "SIGABRT"),
        "test_neg": ("right", ""),
        "test_relu": ("right", ""),
    }
