"""`LayerRun`: what one scan of a matrix gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.errors import ConfigError
from eie_backend.machine.choices import Engine
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.machine.formats import FLOAT, LayerFormat
from eie_backend.show.html import table
from eie_backend.simulator.engines import CycleAccount
from eie_backend.simulator.matrices import run_samples


class Scan(NamedTuple):
    """What a scan takes time for.

    Attributes
    ----------
    encoded : EncodedMatrix
        The matrix.
    config : HardwareConfig
        The machine.
    codebook : ndarray, shape (1, codebook entries), float32 or int32
        Expanded weights.
    words : ndarray, shape (1, in), same dtype, or bool
        Activations. No value plays a part in timing, only which are zero; a dump of the clock
        engine's units shows the values.
    format : LayerFormat
        Scales of both.
    engine : {"functional", "event", "clock"}
        How it is simulated.
    """

    encoded: EncodedMatrix
    config: HardwareConfig
    codebook: NDArray[np.generic]
    words: NDArray[np.generic]
    format: LayerFormat
    engine: Engine


def find_account(scan: Scan) -> CycleAccount:
    """Scan once more to find out where the cycles went."""
    encoded, config, codebook, words, format, engine = scan
    shown = engine == "clock"
    if not shown:
        codebook, words, format = (
            np.ones_like(codebook, np.float32),
            words.astype(np.float32),
            FLOAT,
        )
    _, _, (account,) = run_samples(
        encoded, config, codebook, words, [format], 1, shown, engine, account=True
    )
    assert account is not None
    return account


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
    scan : Scan, optional
        What was scanned, for the account of cycles, which scans it once more; who keeps many runs
        may let it go.
    """

    output: NDArray[np.float32] | None
    counters: Mapping[str, int]
    format: LayerFormat
    config: HardwareConfig
    scan: Scan | None = None

    def __repr__(self) -> str:
        return f"<LayerRun {self.cycles} cycles, {self.config.num_pe} PEs>"

    def _repr_html_(self) -> str:
        """Show the cycles and all counters."""
        caption = f"{self.cycles:,} cycles, {self.microseconds:,.3f} us on {self.config.num_pe} PEs"
        return table(caption, ["counter", "value"], self.counters.items())

    @property
    def cycles(self) -> int:
        """Compute cycles."""
        return self.counters["cycles"]

    @cached_property
    def account(self) -> CycleAccount:
        """Where the cycles went.

        Raises
        ------
        ConfigError
            If the scan was let go.
        """
        if self.scan is None:
            raise ConfigError("this run let go of what it scanned; call simulate again")
        return find_account(self.scan)

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
        """PE edges after which a queue held 0, 1, ... ``queue_columns`` columns."""
        return self.account.queue_occupancy

    @cached_property
    def load_balance(self) -> float:
        """Share of PE cycles in which an entry was issued; 0 if no cycles were counted."""
        return self.counters["entries"] / max(self.config.num_pe * self.cycles, 1)
