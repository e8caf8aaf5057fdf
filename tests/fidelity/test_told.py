"""What is said of answers beside the float network's, and what to do."""

import json

import pytest

from eie_backend.fidelity.measure import Fidelity
from eie_backend.fidelity.told import told

CLOSE = Fidelity(100, 0.002, 54.0, 0.1, 1.0)
FAR = Fidelity(100, 0.31, 10.2, 4.0, 0.8)


def test_close_answers_need_no_step():
    found = told(CLOSE, {})
    assert not found.differs
    assert found.lines == [
        "Beside the float network: relative error 0.2%, SQNR 54.0 dB, same largest output in "
        "100.0% of 100 samples."
    ]


@pytest.mark.parametrize(
    "far", [FAR, Fidelity(100, 0.002, 54.0, 0.1, 0.95), Fidelity(100, 0.2, 14.0, 0.1, None)]
)
def test_far_answers_need_one(far):
    assert told(far, {}).differs
    assert len(told(far, {}).lines) == 2


def test_with_labels_the_accuracy_decides():
    found = told(FAR, {}, accuracy=0.98, reference_accuracy=0.982)
    assert not found.differs
    assert found.sentence.startswith("Beside the float network: accuracy 98.00%, float 98.20%, ")
    assert told(CLOSE, {}, accuracy=0.97, reference_accuracy=0.982).differs


@pytest.mark.parametrize(
    ("manifest", "saturations", "steps"),
    [
        ({"recipe": json.dumps({"density": 0.2})}, 0, ["--density", "eie compare"]),
        ({"recipe": json.dumps({"density": {"fc*": 0.2}})}, 0, ["--density", "eie compare"]),
        ({"recipe": json.dumps({"quality": 1.0})}, 0, ["--density", "eie compare"]),
        ({"recipe": json.dumps({"density": 1.0})}, 0, ["--codebook-bits", "eie compare"]),
        ({"formats": "synthetic"}, 0, ["--calibrate", "--codebook-bits", "eie compare"]),
        ({"formats": "samples"}, 7, ["values saturate", "--codebook-bits", "eie compare"]),
        ({"recipe": "{"}, 0, ["--codebook-bits", "eie compare"]),
    ],
)
def test_the_next_step_is_by_what_was_done(manifest, saturations, steps):
    advice = told(FAR, manifest, saturations=saturations).advice
    places = [advice.index(step) for step in steps]
    assert places == sorted(places)
    assert ("--density" in advice) == ("--density" in steps)
