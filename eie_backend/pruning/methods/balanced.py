"""``balanced``: the same share of every PE's slice stays, its largest weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eie_backend.pruning.method import PruningMethod

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _keep(
    weights: Mapping[str, NDArray[np.float32]], density: Mapping[str, float], num_pe: int
) -> dict[str, NDArray[np.bool_]]:
    from eie_backend.pruning.masks import mark_largest, no_marks

    masks = {name: no_marks(values) for name, values in weights.items()}
    for name, values in weights.items():
        rows, cols = values.shape
        for pe, count in enumerate(_slice_counts(rows, cols, density[name], num_pe)):
            mark_largest([values[pe::num_pe]], [masks[name][pe::num_pe]], count)
    return masks


def _slice_counts(rows: int, cols: int, density: float, num_pe: int) -> list[int]:
    """Return the number of weights that each PE keeps, rounded so that the sum is exact."""
    import numpy as np

    sizes = cols * np.array([len(range(pe, rows, num_pe)) for pe in range(min(num_pe, rows))])
    counts = np.floor(density * sizes).astype(int)
    missing = round(density * rows * cols) - counts.sum()
    counts[np.argsort(counts - density * sizes, kind="stable")[:missing]] += 1
    found: list[int] = counts.tolist()
    return found


METHOD = PruningMethod(
    name="balanced",
    meaning="the smallest weights of each PE's slice go",
    about="the same share in every PE's slice, the rows i with i mod P = k, to within one weight; "
    "P is the number of PEs of the machine that is compiled for. **Source**: ESE (Han et al., FPGA "
    "2017).",
    keep=_keep,
    counts_pes=True,
)
