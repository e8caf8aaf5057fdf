"""`simulate` and `simulate_batch`: one encoded matrix as one scan per input, values and cycles.

The matrix-level call: registers and SRAM are as large as the matrix needs, as in the paper
authors' own simulator. Compiled programs respect the machine's limits instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eie_backend.config import HardwareConfig
from eie_backend.errors import ConfigError, InputError
from eie_backend.machine.choices import ARITHMETIC, ENGINE, Arithmetic, Engine
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.machine.formats import (
    FLOAT,
    LayerFormat,
    accumulator_frac_bits,
)
from eie_backend.machine.numerics import dequantize, frac_bits_for, quantize, value_bits
from eie_backend.simulator.layer_run import LayerRun, Scan
from eie_backend.simulator.matrices import run_samples


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
    ENGINE.checked(engine, ConfigError)
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
    ARITHMETIC.checked(arithmetic, ConfigError)
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
    # A copy: the words may be the caller's own array. Where values play no part, only a mask.
    kept = words.copy() if engine == "clock" else np.not_equal(words, 0, out=flags)
    sums, counters, _ = run_samples(
        encoded, config, codebooks, words, formats, host_threads, values, engine
    )
    outputs: Sequence[NDArray[np.float32] | None] = [None] * len(vectors)
    if sums is not None and arithmetic == "float32":
        outputs = list(sums.astype(np.float32, copy=False))
    elif sums is not None:
        outputs = [dequantize(x, f.accumulator) for x, f in zip(sums, formats, strict=True)]
    return [
        LayerRun(
            output,
            counts,
            scales,
            config,
            Scan(encoded, config, codebooks[n : n + 1], kept[n : n + 1], scales, engine),
        )
        for n, (output, counts, scales) in enumerate(zip(outputs, counters, formats, strict=True))
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
