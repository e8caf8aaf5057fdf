"""`guard`: check after every compression step that zeros stay zero and values are few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import GuardError
from eie_backend.files.spool import release
from eie_backend.machine.codebook import CHUNK, nonzero_values

Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Drift:
    """The change of a layer in a compression step.

    `relative_error` is the norm of the change over the norm of the weights before the step.
    `nonzero` counts the non-zero weights after the step, and `values` their different values, 0.0
    included; it is None unless the step limits them.
    """

    layer: str
    relative_error: float
    nonzero: int
    values: int | None


def guard(
    step: str,
    before: Mapping[str, Weights],
    after: Mapping[str, Weights],
    bits: Mapping[str, int] | None = None,
) -> list[Drift]:
    """Check the layers after a compression step, and measure the change.

    1. Every layer is present, has its shape, and is finite.
    2. A zero stays a zero: a pruned weight does not come back.
    3. A layer in `bits` has at most ``2**bits`` values, 0.0 among them.

    Parameters
    ----------
    step : str
        The step's name, for the message.
    before, after : mapping of str to ndarray, float32
        Weights by layer name, in any memory order.
    bits : mapping of str to int, optional
        Codebook bits of the layers that share their weights now.

    Returns
    -------
    list of Drift
        A row for each layer.

    Raises
    ------
    GuardError
        If the step broke a rule; the message names every such layer.

    Notes
    -----
    The check passes over both matrices in chunks of `CHUNK` weights, without a copy of a layer.

    Examples
    --------
    >>> guard("prune", {"fc": np.float32([[3, 4, 0]])}, {"fc": np.float32([[3, 0, 0]])})
    [Drift(layer='fc', relative_error=0.8, nonzero=1, values=None)]
    """
    faults: list[str] = []
    drifts = []
    for layer, old in before.items():
        new = after.get(layer)
        if new is None or new.shape != old.shape:
            what = "is gone" if new is None else f"has shape {new.shape} instead of {old.shape}"
            faults.append(f"layer {layer} {what}")
            continue
        limit = None if bits is None or layer not in bits else bits[layer]
        drift, revived = _compare(layer, old, new, limit)
        release(old)
        drifts.append(drift)
        if revived:
            faults.append(f"layer {layer}: {revived} zeros became weights")
        if not np.isfinite(drift.relative_error) and not np.isfinite(new).all():
            faults.append(f"layer {layer}: weights are NaN or infinite")
        if limit is not None and drift.values is not None and drift.values > 1 << limit:
            faults.append(
                f"layer {layer}: {drift.values} different values with 0.0, but {limit} bits allow "
                f"{1 << limit}"
            )
    if faults:
        raise GuardError(
            f"compression step {step!r}: {'; '.join(faults)}; the step is at fault, not the model: "
            "correct it, or report it"
        )
    return drifts


def _compare(layer: str, old: Weights, new: Weights, bits: int | None) -> tuple[Drift, int]:
    """Return the drift of a layer and the number of its zeros that became non-zero."""
    change = norm = 0.0
    nonzero = revived = 0
    with np.errstate(all="ignore"):  # non-finite values are reported below
        for was, now in _pieces(old, new):
            difference = now - was
            change += float(difference @ difference)
            norm += float(was @ was)
            nonzero += int(np.count_nonzero(now))
            revived += int(np.count_nonzero((now != 0) & (was == 0)))
        relative = float(np.sqrt(np.divide(change, norm))) if change else 0.0
    values = None if bits is None else nonzero_values(new).size + 1
    return Drift(layer, relative, nonzero, values), revived


def _pieces(old: Weights, new: Weights) -> Iterator[tuple[Weights, Weights]]:
    pieces = np.nditer([old, new], ["external_loop", "buffered", "zerosize_ok"], buffersize=CHUNK)
    yield from pieces
