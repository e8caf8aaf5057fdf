"""Matrices in the C++ runtime: loaded once per matrix and machine, run on any number of samples."""

from __future__ import annotations

from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.isa.counters import COUNTERS
from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES
from eie_backend.isa.image.records import encode_matrix
from eie_backend.machine.choices import Engine
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.machine.formats import FLOAT, LayerFormat
from eie_backend.runtime import RunMatrix, runtime
from eie_backend.simulator.engines import CycleAccount, read_account

VALUE_COUNTERS = frozenset({"accumulator_saturations"})
"""Counters of a matrix-vector product that depend on its values."""

_NAMES = [c.name for c in COUNTERS]

_functions: WeakKeyDictionary[EncodedMatrix, dict[HardwareConfig, RunMatrix]]
_functions = WeakKeyDictionary()
_lock = Lock()


def _function(encoded: EncodedMatrix, config: HardwareConfig) -> RunMatrix:
    with _lock:
        of_matrix = _functions.setdefault(encoded, {})
        function = of_matrix.get(config)
        if function is None:
            function = of_matrix[config] = runtime().load_matrix(
                list(config.to_dict().values()), encode_matrix(encoded)
            )
        return function


def run_samples(
    encoded: EncodedMatrix,
    config: HardwareConfig,
    codebooks: NDArray[np.generic],
    words: NDArray[np.generic],
    formats: list[LayerFormat],
    threads: int = 0,
    values: bool = True,
    engine: Engine = "event",
    account: bool = False,
    visit_seed: int = 0,
) -> tuple[NDArray[np.generic] | None, list[dict[str, int]], list[CycleAccount | None]]:
    """Run a matrix-vector product per sample; the GIL is released meanwhile.

    Parameters
    ----------
    encoded : EncodedMatrix
        The matrix; its codebook is not used.
    config : HardwareConfig
        The machine.
    codebooks : ndarray, shape (samples, codebook entries), float32 or int32
        Expanded weights of each sample's format.
    words : ndarray, shape (samples, in), same dtype
        Activations.
    formats : list of LayerFormat
        Scales of each sample.
    threads : int
        Maximum number of host threads; 0 means one per core, or one for little work.
    values : bool
        Whether to compute the sums.
    engine : {"functional", "event", "clock"}
        The simulator's engine.
    account : bool
        Whether to account for every cycle.
    visit_seed : int
        Seed that shuffles the order in which the clock engine visits its units; 0: no shuffling.

    Returns
    -------
    tuple of ndarray and two lists
        Sums, shape (samples, out), same dtype, or None without `values`; each sample's counters,
        which lack `VALUE_COUNTERS` without `values`; each sample's account, or None if not wanted.
    """
    function = _function(encoded, config)
    samples = len(words)
    sums = np.empty((samples, encoded.rows), words.dtype) if values else None
    counters = np.empty((samples, len(COUNTERS)), np.int64)
    words_each = (len(CYCLE_CATEGORIES) + 1) * config.num_pe + config.queue_columns + 1
    accounts = np.empty((samples, words_each), np.int64) if account else None
    if formats.count(FLOAT) == samples:
        scales = np.zeros((samples, 2), np.int32)
    else:
        scales = np.array([(f.product_shift, f.input) for f in formats], np.int32)
    function(codebooks, words, sums, scales, counters, accounts, threads, engine, visit_seed)
    rows = [dict(zip(_NAMES, row, strict=True)) for row in counters.tolist()]
    if not values:
        for row in rows:
            for name in VALUE_COUNTERS:
                del row[name]
    if accounts is None:
        return sums, rows, [None] * samples
    return sums, rows, [read_account(sample, config) for sample in accounts]
