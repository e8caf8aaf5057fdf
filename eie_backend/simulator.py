"""`simulate`: one encoded matrix as one scan, values and cycles.

The matrix-level call: registers and SRAM are as large as the matrix needs, as in the paper
authors' own simulator. Compiled programs respect the machine's limits instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import tvm_ffi
from numpy.typing import ArrayLike, NDArray

from eie_backend._register import load_runtime
from eie_backend.codegen.formats import (
    FLOAT,
    LayerFormat,
    accumulator_frac_bits,
)
from eie_backend.config import HardwareConfig
from eie_backend.encoding import EncodedMatrix
from eie_backend.engines import CycleAccount, Engine, check_engine, read_account
from eie_backend.errors import ConfigError, InputError
from eie_backend.isa.counters import COUNTERS
from eie_backend.isa.image import encode_matrix
from eie_backend.isa.program import ARITHMETICS, Arithmetic, value_bits
from eie_backend.numerics import dequantize, frac_bits_for, quantize


@dataclass(frozen=True, eq=False)
class LayerRun:
    """Result of `simulate`.

    Attributes
    ----------
    output : ndarray, shape (out,), float32
        Sums before any ReLU; fixed-point results are scaled back to real values.
    counters : mapping of str to int
        See ``docs/counters.md``.
    format : LayerFormat
        Scales that were used; all 0 for float32.
    config : HardwareConfig
        The machine.
    account : CycleAccount
        Where the cycles went.
    """

    output: NDArray[np.float32]
    counters: Mapping[str, int]
    format: LayerFormat
    config: HardwareConfig
    account: CycleAccount

    @property
    def cycles(self) -> int:
        """Compute cycles."""
        return self.counters["cycles"]

    @property
    def microseconds(self) -> float:
        """Time at the machine's clock."""
        return self.cycles / self.config.clock_mhz

    @property
    def breakdown(self) -> Mapping[str, NDArray[np.int64]]:
        """Edges of each PE by category; ``docs/cycles.md`` explains them."""
        return self.account.breakdown

    @property
    def blocking(self) -> NDArray[np.int64]:
        """Edges at which a broadcast was held back while this PE's queue was full; shape (P,)."""
        return self.account.blocking

    @property
    def queue_occupancy(self) -> NDArray[np.int64]:
        """PE edges after which a queue held 0, 1, ... ``fifo_depth - 1`` columns."""
        return self.account.queue_occupancy

    @cached_property
    def load_balance(self) -> float:
        """Share of PE cycles in which an entry was issued; 0 if no cycles were counted."""
        return self.counters["entries"] / max(self.config.num_pe * self.cycles, 1)


def simulate(
    encoded: EncodedMatrix,
    activations: ArrayLike,
    config: HardwareConfig,
    arithmetic: Arithmetic = "int16",
    format: LayerFormat | None = None,
    engine: Engine = "event",
) -> LayerRun:
    """Run one sparse matrix-vector product on the machine.

    Parameters
    ----------
    encoded : EncodedMatrix
        From `encode`, for the same `config`.
    activations : array_like, shape (in,), float32
        Input vector; zeros are skipped.
    config : HardwareConfig
        The machine.
    arithmetic : {"int16", "float32", "int8", "int32"}
        Fixed point of this width or float32, in column order.
    format : LayerFormat, optional
        Scales of fixed point. By default each is the finest that holds the values of this very
        run.
    engine : {"event", "functional", "clock"}
        How to simulate; all give the same bits. "functional" leaves cycles, the counters of the
        scan and the account of cycles 0.

    Returns
    -------
    LayerRun

    Raises
    ------
    InputError
        If the activations do not fit the matrix, or are NaN or infinite.
    ConfigError
        If the matrix was encoded for another machine, or the arithmetic or engine is unknown.

    Notes
    -----
    **Source**: EIE paper, section 4; timing as in the authors' simulator.

    Examples
    --------
    >>> from eie_backend import HardwareConfig, encode
    >>> config = HardwareConfig(num_pe=2)
    >>> encoded = encode([[1, 0], [0, 2]], [0.0, 0.5, -1.0], config)
    >>> run = simulate(encoded, [4.0, 0.0], config, "float32")
    >>> run.output.tolist(), run.cycles
    ([2.0, 0.0], 9)
    >>> {name: int(edges.sum()) for name, edges in run.breakdown.items() if edges.any()}
    {'multiply': 1, 'empty_column': 1, 'scan': 4, 'drain': 12}
    """
    check_engine(engine)
    values = np.asarray(activations, np.float32)
    if values.shape != (encoded.cols,):
        raise InputError(f"activations have shape {values.shape}; it must be ({encoded.cols},)")
    if bad := int(np.count_nonzero(~np.isfinite(values))):
        raise InputError(f"activations: {bad} of {values.size} are NaN or infinite")
    if (encoded.num_pe, encoded.codebook_bits) != (config.num_pe, config.codebook_bits):
        raise ConfigError(
            f"matrix encoded for {encoded.num_pe} PEs and {encoded.codebook_bits} codebook bits, "
            f"config has {config.num_pe} and {config.codebook_bits}; encode it again"
        )
    if arithmetic not in ARITHMETICS:
        raise ConfigError(
            f"arithmetic {arithmetic!r} is unknown; choose one of {', '.join(ARITHMETICS)}"
        )
    if arithmetic == "float32":
        output, counters, account = _run(encoded, encoded.codebook, values, config, FLOAT, engine)
        return LayerRun(output.astype(np.float32), counters, FLOAT, config, account)
    chosen = format or _own_format(encoded, values, config, arithmetic)
    bits = value_bits(arithmetic)
    codebook = quantize(encoded.codebook, chosen.weights, bits).astype(np.int32)
    words = quantize(values, chosen.input, bits).astype(np.int32)
    output, counters, account = _run(encoded, codebook, words, config, chosen, engine)
    return LayerRun(dequantize(output, chosen.accumulator), counters, chosen, config, account)


def _own_format(
    encoded: EncodedMatrix,
    values: NDArray[np.float32],
    config: HardwareConfig,
    arithmetic: Arithmetic,
) -> LayerFormat:
    bits = value_bits(arithmetic)
    exact = simulate(encoded, values, config, "float32", engine="functional").output
    if bad := int(np.count_nonzero(~np.isfinite(exact))):
        raise InputError(
            f"sums: {bad} of {exact.size} are NaN or infinite in float32, so {arithmetic} has no "
            "scale; scale the activations or weights down"
        )
    magnitudes = replace(encoded, codebook=np.abs(encoded.codebook))
    bound = simulate(magnitudes, np.abs(values), config, "float32", engine="functional").output
    weights = frac_bits_for(float(np.abs(encoded.codebook).max()), bits)
    largest = float(np.abs(values).max())
    highest = (1 << (bits - 1)) - 1
    if encoded.has_bias_column and largest > highest:
        raise InputError(
            f"activations reach {largest}; beside a bias column, fed by a constant 1, {arithmetic} "
            f"holds at most {highest}; scale the activations down or take float32"
        )
    source = frac_bits_for(max(largest, 1.0 if encoded.has_bias_column else 0.0), bits)
    accumulator = accumulator_frac_bits(
        float(bound.max()), float(np.abs(exact).max()), source + weights, config.accumulator_bits
    )
    return LayerFormat(source, weights, accumulator, accumulator)


def _run(
    encoded: EncodedMatrix,
    codebook: NDArray[np.generic],
    words: NDArray[np.generic],
    config: HardwareConfig,
    layer_format: LayerFormat,
    engine: Engine,
) -> tuple[NDArray[np.generic], dict[str, int], CycleAccount]:
    load_runtime()
    record = encode_matrix(replace(encoded, codebook=codebook))
    load = tvm_ffi.get_global_func("eie.load_matrix")
    run = load(list(config.to_dict().values()), record, words.dtype == np.float32)
    output = np.zeros(encoded.rows, words.dtype)
    *counts, account = run(
        tvm_ffi.from_dlpack(words),
        tvm_ffi.from_dlpack(output),
        layer_format.product_shift,
        layer_format.input,
        engine,
        True,
    )
    counters = {c.name: int(n) for c, n in zip(COUNTERS, counts, strict=True)}
    return output, counters, read_account(account, config)
