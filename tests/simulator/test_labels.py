"""Labels are one class for each sample, or refused with a sentence."""

import numpy as np
import pytest

from eie_backend.errors import InputError
from eie_backend.simulator.labels import check_answers, check_count, check_labels

GOOD = np.array([0, 9, 3, 3])
KIND = r"labels: {} of shape {}, expected integers of shape \(4,\): the class of each sample"
NO_CLASSES = {
    "text": (np.array(["0", "9", "3", "cat"]), KIND.format("<U3", r"\(4,\)")),
    "dates": (np.array(["2020-01-01"] * 4, "M8[D]"), KIND.format(r"datetime64\[D\]", r"\(4,\)")),
    "times": (np.zeros(4, "m8[s]"), KIND.format(r"timedelta64\[s\]", r"\(4,\)")),
    "fractions": (np.zeros(4), KIND.format("float64", r"\(4,\)")),
    "NaN": (np.full(4, np.nan, np.float32), KIND.format("float32", r"\(4,\)")),
    "truth": (np.zeros(4, bool), KIND.format("bool", r"\(4,\)")),
    "complex": (np.zeros(4, complex), KIND.format("complex128", r"\(4,\)")),
    "bytes": (np.array([b"0"] * 4), KIND.format(r"\|S1", r"\(4,\)")),
    "one hot": (np.eye(4, 10, dtype=int), KIND.format("int64", r"\(4, 10\)")),
    "a column": (GOOD[:, None], KIND.format("int64", r"\(4, 1\)")),
    "too few": (GOOD[:3], r"labels: shape \(3,\), expected \(4,\): one for each sample"),
    "too many": (np.zeros(5, int), r"labels: shape \(5,\), expected \(4,\)"),
    "one": (np.array(3), r"labels: shape \(\), expected \(4,\)"),
    "below 0": (np.array([0, -2, 1, -1]), r"2 of 4 are .*; the first is -2, of sample 1; correct"),
}


@pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "u8", ">i4"])
def test_classes_are_integers(dtype):
    check_labels(GOOD.astype(dtype), 4)
    check_labels(GOOD.astype(dtype), 4, (4, 10))


@pytest.mark.parametrize("scores", [None, (4, 10)])
@pytest.mark.parametrize("name", NO_CLASSES)
def test_what_is_no_class_is_refused(name, scores):
    labels, message = NO_CLASSES[name]
    with pytest.raises(InputError, match=message):
        check_labels(labels, 4, scores)


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_a_class_is_one_of_the_models(dtype):
    with pytest.raises(InputError, match=r"1 of 4 are outside 0\.\.8, .* is 9, of sample 1; corr"):
        check_labels(GOOD.astype(dtype), 4, (4, 9))


@pytest.mark.parametrize("scores", [(4,), (4, 2, 5), ()])
def test_a_result_without_classes_has_no_accuracy(scores):
    with pytest.raises(InputError, match=r"an accuracy needs \(samples, classes\); leave"):
        check_labels(GOOD, 4, scores)


def test_an_answer_is_a_number():
    check_answers(np.array([0.5, -1]), 2)
    check_answers(np.array([3, 1]), 2)
    for wrong in (["a", "b"], [0.5, np.nan], [[1], [2]], [1, 2, 3], np.zeros(2, "M8[s]")):
        with pytest.raises(InputError, match=r"labels: .*expected"):
            check_answers(np.array(wrong), 2)


def test_a_metric_of_ones_own_takes_any_labels():
    check_count(np.array([["a", "b"]]), 1)
    with pytest.raises(InputError, match=r"labels: shape \(1, 2\), expected \(2,\)"):
        check_count(np.array([["a", "b"]]), 2)
