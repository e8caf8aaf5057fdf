"""`check_labels`: the class of each sample, as all that count right answers take it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import InputError


def check_labels(labels: NDArray[Any], samples: int, scores: tuple[int, ...] | None = None) -> None:
    """Check that labels name a class of each sample.

    Parameters
    ----------
    labels : ndarray
        What a user gave.
    samples : int
        Number of samples.
    scores : tuple of int, optional
        Shape of the model's first result for all samples; while it is not known, any class will do.

    Raises
    ------
    InputError
        If there is not one label per sample, labels are no integers from 0 or lie beyond the
        model's classes, or the result has none.
    """
    check_count(labels, samples)
    if scores is not None and len(scores) != 2:
        raise InputError(
            f"labels: the model's first result has shape {scores}; an accuracy needs "
            "(samples, classes); leave the labels out"
        )
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InputError(
            f"labels: {labels.dtype} of shape {labels.shape}, expected integers of shape "
            f"({samples},): the class of each sample"
        )
    wrong = labels < 0
    fault = "below 0"
    if scores is not None:
        wrong |= labels >= scores[1]
        fault = f"outside 0..{scores[1] - 1}, the model's classes"
    if wrong.any():
        first = int(wrong.argmax())
        raise InputError(
            f"labels: {np.count_nonzero(wrong)} of {samples} are {fault}; the first is "
            f"{labels[first]}, of sample {first}; correct them"
        )


def check_answers(labels: NDArray[Any], samples: int) -> None:
    """Check the labels of a model whose answer to a sample is one number, no class.

    Raises
    ------
    InputError
        If there is not one number per sample.
    """
    check_count(labels, samples)
    is_number = labels.ndim == 1 and labels.dtype.kind in "biuf"
    if not is_number or not np.isfinite(labels).all():
        raise InputError(
            f"labels: {labels.dtype} of shape {labels.shape}, expected numbers of shape "
            f"({samples},), none of them NaN or infinite: the answer to each sample"
        )


def check_count(labels: NDArray[Any], samples: int) -> None:
    """Check labels of any kind, for a metric of the user's own.

    Raises
    ------
    InputError
        If there is not one label per sample.
    """
    if labels.ndim == 0 or len(labels) != samples:
        got = f"shape {labels.shape}"
        raise InputError(f"labels: {got}, expected ({samples},): one for each sample of the data")
