"""`difference`: what is rounding, and what is said of the rest."""

import numpy as np
import pytest

from eie_backend.verification.difference import OF_AN_OPERATOR, difference

X = np.float32([[1, -2], [3, 0]])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (X, X),
        (X * np.float32(1 + 1e-6), X),
        (X + np.float32(2e-4), X),  # as a share of the largest, not of each
        (np.float32([np.nan, np.inf, 1]), np.float32([np.nan, np.inf, 1])),
        (np.int64([1, 2]), np.int64([1, 2])),
        (X, X.astype(np.float16)),
        (np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)),
        (np.float32(3), np.float32(3)),
    ],
)
def test_the_same(found, expected):
    assert difference([found], [expected], OF_AN_OPERATOR) == ""


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            X + np.float32([[0, 0.5], [0, 0]]),
            "differs by up to 0.5 of 3: at [0, 1] -1.5 instead of -2",
        ),
        (X[0], "has shape (2,) instead of (2, 2)"),
        (X.astype(np.float64), "is float64 instead of float32"),
        (
            X * np.nan,
            "is not finite where it should be, or the reverse: at [0, 0] nan instead of 1",
        ),
    ],
)
def test_floats_that_differ(found, said):
    assert difference([found], [X], OF_AN_OPERATOR) == said


def test_integers_and_truth_values_are_equal_or_not():
    said = difference([np.int64([1, 3, 4])], [np.int64([1, 2, 3])], 1.0)
    assert said == "differs in 2 of 3 values: at [1] 3 instead of 2"
    assert difference([np.array([True])], [np.array([False])], 1.0).startswith("differs in 1 of 1")


def test_an_infinity_that_should_be_none():
    assert difference([np.float32([np.inf])], [np.float32([1])], 1.0).startswith("is not finite")
    assert difference([np.float32([1])], [np.float32([np.inf])], 1.0).startswith("is not finite")


def test_which_of_several():
    assert difference([X, X + 1], [X, X], OF_AN_OPERATOR).startswith("result 1 differs by up to 1 ")
    assert difference([X], [X, X], OF_AN_OPERATOR) == "1 results instead of 2"
