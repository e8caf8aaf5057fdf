"""Cut a dense kernel into blocks that the machine's registers and SRAM hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tvm.tirx import PrimFunc

from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.schedules.kernel import DenseShape, Span, dense_kernel


def tile(func: PrimFunc, row_blocks: Sequence[Span], col_blocks: Sequence[Span]) -> PrimFunc:
    """Split the outputs and the inputs of a dense kernel into blocks.

    Before -> after, for two output blocks and one input block::

        for sample:                    for sample:
          acc[0:N] = b                   acc = b[0:n]
          acc += w @ x                   acc += w[0:n, :] @ x
          y = relu(acc)             ->   y[0:n] = relu(acc)
                                         acc = b[n:N]
                                         acc += w[n:N, :] @ x
                                         y[n:N] = relu(acc)

    The sums of a value keep their order, so the results are the same bit for bit.

    Parameters
    ----------
    func : PrimFunc
        A kernel of `eie_backend.schedules.kernel.dense_kernel`.
    row_blocks, col_blocks : sequence of (start, stop)
        Output and input blocks, in order, covering the layer.
    """
    *operands, output = func.params
    batch, outputs = (int(extent) for extent in output.shape)
    has_bias = len(operands) > 2
    shape = DenseShape(
        batch, outputs, int(operands[0].shape[1]), has_bias, bool(func.attrs["eie.relu"])
    )
    tiled = dense_kernel(func.attrs["global_symbol"], shape, row_blocks, col_blocks)
    return tiled.with_attrs(dict(func.attrs.items()))


def choose_blocks(
    outputs: int,
    inputs: int,
    config: HardwareConfig,
    fits: Callable[[Span, Span], bool],
) -> tuple[list[Span], list[Span]]:
    """Return output and input blocks that the machine holds.

    A block starts at a whole row of `num_pe` activations. Outputs are limited by the destination
    registers; inputs by the source registers and the pointer SRAM, and cut evenly into the fewest
    blocks with which every tile's entries fit the weight SRAM.

    Parameters
    ----------
    outputs, inputs : int
        Size of the layer.
    config : HardwareConfig
        The machine.
    fits : callable
        Whether the tile of an output and an input block fits the weight SRAM.

    Raises
    ------
    ModelError
        If not even one row of activations fits.
    """
    rows = _cut(outputs, config.block_values)
    act_rows = -(-inputs // config.num_pe)
    # One pointer less: a bias column may follow the inputs.
    limit = min(config.block_values, config.matrix_columns - 1) // config.num_pe
    fewest = -(-act_rows // limit) if limit > 0 else act_rows + 1
    for count in range(fewest, act_rows + 1):
        cols = _cut(inputs, -(-act_rows // count) * config.num_pe)
        if all(fits(row_span, col_span) for row_span in rows for col_span in cols):
            return rows, cols
    raise ModelError(
        f"no tile of {config.num_pe} inputs fits: a PE has {config.ptr_sram_bytes} bytes of "
        f"pointer SRAM and reaches {config.matrix_entries} entries; enlarge ptr_sram_bytes, "
        "spmat_sram_bytes or num_pe"
    )


def _cut(length: int, limit: int) -> list[Span]:
    return [(start, min(start + limit, length)) for start in range(0, length, limit)]
