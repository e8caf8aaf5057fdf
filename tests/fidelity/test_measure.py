"""The one measure of how far results are from the float network's."""

import math

import numpy as np
import pytest

from eie_backend.fidelity.measure import distances, fidelity, joined

RNG = np.random.default_rng(3)
REFERENCE = [RNG.normal(size=(6, 4)), RNG.normal(size=(6, 2, 3))]
FOUND = [
    one + RNG.normal(scale=scale, size=one.shape)
    for one, scale in zip(REFERENCE, (0.1, 0.5), strict=True)
]


def test_it_is_the_mean_over_samples_of_the_worst_output():
    errors = [
        np.mean([np.linalg.norm(y[n] - r[n]) / np.linalg.norm(r[n]) for n in range(6)])
        for y, r in zip(FOUND, REFERENCE, strict=True)
    ]
    found = fidelity(FOUND, REFERENCE, 6)
    assert found.relative_error == pytest.approx(max(errors))
    noise = [np.square(y - r).sum() for y, r in zip(FOUND, REFERENCE, strict=True)]
    signal = [np.square(r).sum() for r in REFERENCE]
    ratios = [10 * math.log10(s / n) for s, n in zip(signal, noise, strict=True)]
    assert found.sqnr_db == pytest.approx(min(ratios))
    differences = [np.abs(y - r).max() for y, r in zip(FOUND, REFERENCE, strict=True)]
    assert found.largest_difference == max(differences)
    assert found.agreement == np.mean(FOUND[0].argmax(1) == REFERENCE[0].argmax(1))
    assert found.samples == 6


def test_parts_put_together_are_the_whole():
    parts = [
        distances([y[k : k + 2] for y in FOUND], [r[k : k + 2] for r in REFERENCE], 2)
        for k in (0, 2, 4)
    ]
    whole = fidelity(FOUND, REFERENCE, 6)
    found = joined(parts).fidelity()
    assert found.to_dict() == pytest.approx(whole.to_dict())


def test_equal_results_have_no_error_and_no_noise():
    found = fidelity(REFERENCE, REFERENCE, 6)
    assert (found.relative_error, found.sqnr_db, found.agreement) == (0.0, math.inf, 1.0)


def test_results_of_no_classes_do_not_agree_or_disagree():
    assert fidelity(FOUND[1:], REFERENCE[1:], 6).agreement is None
    assert fidelity([FOUND[0][:, :1]], [REFERENCE[0][:, :1]], 6).agreement is None


def test_any_of_equal_largest_values_agrees():
    reference = np.array([[1.0, 1.0, 0.0]])
    found = np.array([[0.5, 0.9, 0.1]])
    assert fidelity([found], [reference], 1).agreement == 1.0


def test_a_result_whose_samples_cannot_be_told_apart_counts_as_a_whole():
    y, reference = np.array([1.0, 2.0, 2.0]), np.array([1.0, 2.0, 3.0])
    expected = 1 / np.linalg.norm(reference)
    assert fidelity([y], [reference], 2).relative_error == pytest.approx(expected)
    scalar = fidelity([np.float64(3.0)[()].reshape(())], [np.array(2.0)], 1)
    assert scalar.relative_error == 0.5


@pytest.mark.parametrize(
    ("found", "reference", "error"),
    [
        ([1.0, 2.0], [0.0, 0.0], math.inf),  # no signal
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.inf, 1.0], [np.inf, 1.0], 0.0),
        ([np.nan, 1.0], [2.0, 1.0], math.inf),
        ([2.0, 1.0], [np.inf, 1.0], math.inf),
    ],
)
def test_what_is_no_number_or_has_no_signal(found, reference, error):
    assert fidelity([np.array([found])], [np.array([reference])], 1).relative_error == error


def test_of_integers_and_truth_values_it_is_the_share_that_differs():
    y, reference = np.array([[1, 2, 3, 4]]), np.array([[1, 2, 3, 9]])
    assert fidelity([y], [reference], 1).relative_error == 0.25
    assert fidelity([y > 2], [reference > 3], 1).relative_error == 0.25
