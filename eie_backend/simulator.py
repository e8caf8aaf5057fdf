"""`simulate` and `simulate_batch`: one encoded matrix as one scan per input, values and cycles.

The matrix-level call: registers and SRAM are as large as the matrix needs, as in the paper
authors' own simulator. Compiled programs respect the machine's limits instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eie_backend.codegen.formats import (
    FLOAT,
    LayerFormat,
    accumulator_frac_bits,
)
from eie_backend.config import HardwareConfig
from eie_backend.encoding import EncodedMatrix
from eie_backend.engines import CycleAccount, Engine, check_engine
from eie_backend.errors import ConfigError, InputError
from eie_backend.isa.program import ARITHMETICS, Arithmetic, value_bits
from eie_backend.loaded import run_samples
from eie_backend.numerics import dequantize, frac_bits_for, quantize


@dataclass(frozen=True, eq=False)
class LayerRun:
    """Result of `simulate`.

    Attributes
    ----------
    output : ndarray, shape (out,), float32, or None
        Sums before any ReLU; fixed-point results are scaled back to real values. None if the
        values were not asked for.
    counters : mapping of str to int
        See ``docs/counters.md``. Without values there is no `accumulator_saturations`.
    format : LayerFormat
        Scales that were used; all 0 for float32. Without values only the input's is chosen.
    config : HardwareConfig
        The machine.
    find_account : callable
        Runs once more to find out where the cycles went; the properties below call it when asked.
    """

    output: NDArray[np.float32] | None
    counters: Mapping[str, int]
    format: LayerFormat
    config: HardwareConfig
    find_account: Callable[[], CycleAccount]

    def __repr__(self) -> str:
        return f"<LayerRun {self.cycles} cycles, {self.config.num_pe} PEs>"

    def _repr_html_(self) -> str:
        from eie_backend.displays import of_run

        return of_run(self)

    @property
    def cycles(self) -> int:
        """Compute cycles."""
        return self.counters["cycles"]

    @cached_property
    def account(self) -> CycleAccount:
        """Where the cycles went."""
        return self.find_account()

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
    *,
    threads: int = 1,
    values: bool = True,
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
    threads : int
        Host threads that share the input: two halves of the rows and the scan are taken by whoever
        is free. Results do not depend on it. Two gain nothing below about 0.2 ms, nor on a machine
        whose other cores are busy.
    values : bool
        False: only cycles and counters, several times faster; not on the clock engine.

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
    vector = np.asarray(activations, np.float32)
    if vector.shape != (encoded.cols,):
        raise InputError(f"activations have shape {vector.shape}; it must be ({encoded.cols},)")
    (run,) = simulate_batch(
        encoded, vector[None], config, arithmetic, format, engine, threads=threads, values=values
    )
    return run


def simulate_batch(
    encoded: EncodedMatrix,
    activations: ArrayLike,
    config: HardwareConfig,
    arithmetic: Arithmetic = "int16",
    format: LayerFormat | None = None,
    engine: Engine = "event",
    *,
    threads: int | None = None,
    values: bool = True,
) -> list[LayerRun]:
    """Run one sparse matrix-vector product per input, several at a time.

    Parameters
    ----------
    activations : array_like, shape (batch, in), float32
        Input vectors; all share the weights in memory.
    threads : int, optional
        Host threads at most; by default one per core, or one for little work. Results do not
        depend on it.
    encoded, config, arithmetic, format, engine, values
        As for `simulate`; without `format` every input has its own.

    Returns
    -------
    list of LayerRun
        What `simulate` returns for each input.

    Raises
    ------
    InputError, ConfigError
        As for `simulate`.

    Examples
    --------
    >>> from eie_backend import HardwareConfig, encode
    >>> config = HardwareConfig(num_pe=2)
    >>> encoded = encode([[1, 0], [0, 2]], [0.0, 0.5, -1.0], config)
    >>> runs = simulate_batch(encoded, [[4.0, 0.0], [0.0, 1.0]], config, "float32")
    >>> [(run.output.tolist(), run.cycles) for run in runs]
    [([2.0, 0.0], 9), ([0.0, -1.0], 9)]
    """
    vectors = np.asarray(activations, np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != encoded.cols:
        raise InputError(
            f"activations have shape {vectors.shape}; it must be (batch, {encoded.cols})"
        )
    if threads is not None and threads < 1:
        raise ConfigError(f"threads = {threads}; it must be at least 1, or None for all cores")
    if not vectors.size:
        return []
    check_engine(engine)
    if engine == "clock" and not values:
        raise ConfigError("the clock engine computes values: use engine='event' for cycles alone")
    flags = np.isfinite(vectors)
    if not flags.all():
        bad = int(np.count_nonzero(~flags))
        raise InputError(
            f"activations: {bad} of {vectors.size} are NaN or infinite; correct the data"
        )
    if (encoded.num_pe, encoded.codebook_bits) != (config.num_pe, config.codebook_bits):
        raise ConfigError(
            f"matrix encoded for {encoded.num_pe} PEs and {encoded.codebook_bits} codebook bits, "
            f"config has {config.num_pe} and {config.codebook_bits}; encode it again"
        )
    if arithmetic not in ARITHMETICS:
        raise ConfigError(
            f"arithmetic {arithmetic!r} is unknown; choose one of {', '.join(ARITHMETICS)}"
        )
    host_threads = threads or 0
    if arithmetic == "float32":
        formats = [FLOAT] * len(vectors)
        codebooks = encoded.codebook[None].repeat(len(vectors), 0)
        words: NDArray[np.generic] = (
            vectors if vectors.flags.carray else np.array(vectors, order="C")
        )
    else:
        bits = value_bits(arithmetic)
        formats = (
            [format] * len(vectors)
            if format
            else _own_formats(encoded, vectors, config, arithmetic, host_threads, values)
        )
        codebooks = np.array(
            [quantize(encoded.codebook, f.weights, bits) for f in formats], np.int32
        )
        words = np.array(
            [quantize(x, f.input, bits) for x, f in zip(vectors, formats, strict=True)], np.int32
        )
    # The values of active inputs play no part in the account, but a trace of the units shows them.
    shown = engine == "clock"
    kept = words.copy() if shown else np.not_equal(words, 0, out=flags)

    def find_account(sample: int) -> CycleAccount:
        """Run once more."""
        one = slice(sample, sample + 1)
        codebook, x, scales = codebooks[one], kept[one], formats[one]
        if not shown:
            codebook, x, scales = np.ones_like(codebook, np.float32), x.astype(np.float32), [FLOAT]
        _, _, (account,) = run_samples(
            encoded, config, codebook, x, scales, 1, shown, engine, account=True
        )
        assert account is not None
        return account

    sums, counters, _ = run_samples(
        encoded, config, codebooks, words, formats, host_threads, values, engine
    )
    outputs: Sequence[NDArray[np.float32] | None] = [None] * len(vectors)
    if sums is not None and arithmetic == "float32":
        outputs = list(sums.astype(np.float32, copy=False))
    elif sums is not None:
        outputs = [dequantize(x, f.accumulator) for x, f in zip(sums, formats, strict=True)]
    return [
        LayerRun(*sample, config, partial(find_account, n))
        for n, sample in enumerate(zip(outputs, counters, formats, strict=True))
    ]


def _own_formats(
    encoded: EncodedMatrix,
    vectors: NDArray[np.float32],
    config: HardwareConfig,
    arithmetic: Arithmetic,
    threads: int,
    values: bool,
) -> list[LayerFormat]:
    bits = value_bits(arithmetic)
    highest = (1 << (bits - 1)) - 1
    largest = np.abs(vectors).max(axis=1).tolist()
    if encoded.has_bias_column and max(largest) > highest:
        raise InputError(
            f"activations reach {max(largest)}; beside a bias column, fed by a constant 1, "
            f"{arithmetic} holds at most {highest}; scale the activations down or take float32"
        )
    one = 1.0 if encoded.has_bias_column else 0.0
    sources = [frac_bits_for(max(x, one), bits) for x in largest]
    if not values:  # the scale of the sums has no part in timing
        return [LayerFormat(source, 0, 0, 0) for source in sources]
    batch = len(vectors)
    sums, _, _ = run_samples(
        encoded,
        config,
        np.repeat([encoded.codebook, np.abs(encoded.codebook)], batch, axis=0),
        np.concatenate([vectors, np.abs(vectors)]),
        [FLOAT] * (2 * batch),
        threads,
        engine="functional",
    )
    assert sums is not None
    exact, bounds = sums[:batch], sums[batch:]
    if bad := int(np.count_nonzero(~np.isfinite(exact))):
        raise InputError(
            f"sums: {bad} of {exact.size} are NaN or infinite in float32, so {arithmetic} has no "
            "scale; scale the activations or weights down"
        )
    weights = frac_bits_for(float(np.abs(encoded.codebook).max()), bits)
    formats = []
    for source, sample, bound in zip(sources, exact, bounds, strict=True):
        accumulator = accumulator_frac_bits(
            float(bound.max()),
            float(np.abs(sample).max()),
            source + weights,
            config.accumulator_bits,
        )
        formats.append(LayerFormat(source, weights, accumulator, accumulator))
    return formats
