"""Place a program's vectors in the activation SRAM."""

from __future__ import annotations

from collections.abc import Sequence

from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError


def allocate_rows(
    sizes: Sequence[int],
    sources: Sequence[int],
    results: Sequence[int],
    config: HardwareConfig,
) -> list[int]:
    """Return the first activation SRAM row of every vector; live vectors do not overlap.

    Consecutive vectors of a chain lie at opposite ends of the SRAM, so a chain fits if every two
    consecutive vectors do.

    Parameters
    ----------
    sizes : sequence of int
        Length of each vector: the input, then one per layer.
    sources : sequence of int
        Vector that each layer reads.
    results : sequence of int
        Layers whose vectors are stored at the end.
    config : HardwareConfig
        The machine.

    Raises
    ------
    ModelError
        If the vectors do not fit.

    Examples
    --------
    >>> allocate_rows([784, 300, 100], [0, 1], [1], HardwareConfig())
    [0, 1019, 0]
    """
    end = len(sizes)
    last_use = [
        max((i + 1 for i, s in enumerate(sources) if s == v), default=v) for v in range(end)
    ]
    for layer in results:
        last_use[layer + 1] = end
    starts: list[int] = []
    for vector, size in enumerate(sizes):
        rows = -(-size // config.num_pe)
        taken = [
            (start, start - (-sizes[other] // config.num_pe))
            for other, start in enumerate(starts)
            if last_use[other] >= vector
        ]
        free = [
            start
            for start in {0, config.act_rows - rows, *(stop for _, stop in taken)}
            | {start - rows for start, _ in taken}
            if start >= 0
            and start + rows <= config.act_rows
            and all(start >= stop or start + rows <= other for other, stop in taken)
        ]
        if not free:
            raise ModelError(
                f"activations of {sum(stop - start for start, stop in taken) + rows} rows must be "
                f"held together; the activation SRAM has {config.act_rows}: raise num_pe or "
                "act_sram_bytes"
            )
        low = vector == 0 or starts[sources[vector - 1]] > 0
        starts.append(min(free) if low else max(free))
    return starts
