"""`Fidelity`: how far the machine's results are from the float network's, by one measure.

The relative error of an output is ``norm(y - reference) / norm(reference)``, the mean over the
samples; that of a network is its worst output's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CLASSES_RANK = 2
"""Rank of a result (samples, classes), of which the largest value is an answer."""


@dataclass(frozen=True)
class Fidelity:
    """Distance of results from the float network's.

    Attributes
    ----------
    samples : int
        Samples that were compared.
    relative_error : float
        ``norm(y - reference) / norm(reference)``, mean over samples, of the worst output. Of an
        output of integers or truth values it is the share of values that differ.
    sqnr_db : float
        Signal to quantisation noise of the output with the least, in dB: ten times the decimal
        logarithm of the reference's energy over that of the difference; infinite if all is equal.
    largest_difference : float
        Largest absolute difference of any value.
    agreement : float or None
        Share of samples of which the largest value of the first output stands at the same place;
        None if that output is not (samples, classes).
    """

    samples: int
    relative_error: float
    sqnr_db: float
    largest_difference: float
    agreement: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the measure as plain data."""
        return asdict(self)


class Distances(NamedTuple):
    """Distances of one or several outputs, sample by sample, which `joined` puts together.

    `signal`, `noise` and `relative` have the shape (outputs, samples): energies and the relative
    error. `largest` is the largest absolute difference; `agree` (samples,) says where the first
    output's largest value is, None if it has no classes.
    """

    signal: NDArray[np.float64]
    noise: NDArray[np.float64]
    relative: NDArray[np.float64]
    largest: float
    agree: NDArray[np.bool_] | None

    def fidelity(self) -> Fidelity:
        """Return the measure of all samples; of none, nothing differs."""
        signal, noise = self.signal.sum(1), self.noise.sum(1)
        ratios = [_decibel(s, n) for s, n in zip(signal.tolist(), noise.tolist(), strict=True)]
        samples = self.relative.shape[1]
        errors = self.relative.mean(1) if samples else np.zeros(1)
        agreement = None if self.agree is None or not samples else float(self.agree.mean())
        return Fidelity(
            samples,
            float(errors.max(initial=0.0)),
            min(ratios, default=math.inf),
            self.largest,
            agreement,
        )


def fidelity(
    found: Sequence[NDArray[Any]], reference: Sequence[NDArray[Any]], samples: int
) -> Fidelity:
    """Measure results against the float network's.

    Parameters
    ----------
    found, reference : sequence of ndarray
        The outputs, of the same shapes. The leading axis of an output holds its samples if
        `samples` divides it; otherwise the whole output is one sample's.
    samples : int
        Samples that both ran on.

    Examples
    --------
    >>> y, reference = np.array([[3.0, 4.0]]), np.array([[3.0, 5.0]])
    >>> round(fidelity([y], [reference], 1).relative_error, 3)
    0.171
    """
    return distances(found, reference, samples).fidelity()


def distances(
    found: Sequence[NDArray[Any]], reference: Sequence[NDArray[Any]], samples: int
) -> Distances:
    """Return the distances of results from the reference's, sample by sample; see `fidelity`."""
    pairs = [(_rows(y, samples), _rows(r, samples)) for y, r in zip(found, reference, strict=True)]
    each = [_energies(y, r) for y, r in pairs]
    signal, noise = (np.stack([one[n] for one in each]) for n in (0, 1))
    # Of equal largest values of the reference, any one agrees.
    has_classes = reference[0].ndim == CLASSES_RANK and reference[0].shape[1] > 1
    agree = None
    if has_classes and reference[0].shape[0] == samples:
        scores, expected = np.nan_to_num(found[0]), np.nan_to_num(reference[0])
        at = scores.argmax(1)[:, None]
        agree = (np.take_along_axis(expected, at, 1) == expected.max(1)[:, None])[:, 0]
    return Distances(
        signal,
        noise,
        np.sqrt(_ratio(noise, signal)),
        max((one[2] for one in each), default=0.0),
        agree,
    )


def joined(parts: Sequence[Distances]) -> Distances:
    """Return the distances of all samples, in the order of the parts; at least one."""
    agree = [part.agree for part in parts if part.agree is not None]
    return Distances(
        np.concatenate([part.signal for part in parts], axis=1),
        np.concatenate([part.noise for part in parts], axis=1),
        np.concatenate([part.relative for part in parts], axis=1),
        max(part.largest for part in parts),
        np.concatenate(agree) if len(agree) == len(parts) else None,
    )


def _rows(values: NDArray[Any], samples: int) -> NDArray[Any]:
    """Return the values of each sample: all samples' as one, if they cannot be told apart."""
    leading = values.shape[0] if values.ndim else 1
    if not values.size or leading % samples:
        whole = values.reshape(1, -1)
        return np.broadcast_to(whole, (samples, whole.shape[1]))
    return values.reshape(samples, -1)


def _energies(
    found: NDArray[Any], reference: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the energy of each sample's reference and difference, and the largest difference."""
    if not np.issubdtype(reference.dtype, np.floating):
        differs = np.asarray(found != reference, np.float64)
        # Their square root is taken: of a share, the share squared stands for the energy.
        share = differs.mean(1) if differs.size else np.zeros(len(differs))
        return np.ones(len(differs)), np.square(share), float(differs.max(initial=0.0))
    y, r = found.astype(np.float64), reference.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        same = (y == r) | (np.isnan(y) & np.isnan(r))
        difference = np.where(same, 0.0, y - r)
        difference[np.isnan(difference)] = math.inf  # one of the two is no number
        noise = np.square(difference).sum(1)
    signal = np.square(np.where(np.isfinite(r), r, 0.0)).sum(1)
    return signal, noise, float(np.abs(difference).max(initial=0.0))


def _ratio(noise: NDArray[np.float64], signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return noise / signal; without any signal, any noise is infinitely more."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = noise / signal
    return np.where(noise == 0, 0.0, ratio)


def _decibel(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal and math.isfinite(noise) else -math.inf
