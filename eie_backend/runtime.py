"""`Runtime`: the typed interface to all C++ functions of the simulator.

The library needs only tvm-ffi; this module does not import TVM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import tvm_ffi
from numpy.typing import DTypeLike, NDArray

from eie_backend.errors import EieError

Find: TypeAlias = Callable[[str], Callable[..., Any]]
"""Function that returns a C++ function by name."""


class ProfileRow(NamedTuple):
    """Counters of one layer of one program, summed over the calls of a thread.

    Attributes
    ----------
    symbol, layer : str
        The program and its layer; a row without a layer is the program's setup.
    samples, min_cycles, max_cycles : int
        Number of vectors, and the cycles of the fastest and the slowest vector.
    counters : list of int
        Sums, in the order of `eie_backend.isa.counters.COUNTERS`.
    account : bytes
        Account of cycles, int64: see `eie_backend.simulator.engines.read_account`.
    """

    symbol: str
    layer: str
    samples: int
    min_cycles: int
    max_cycles: int
    counters: list[int]
    account: bytes


class StruckMemory(NamedTuple):
    """Effect of bit flips on a memory: the number of flips, and of words by their code's reaction.

    `wrong` are the data bits that stay wrong, ascending.
    """

    flips: int
    corrected: int
    detected: int
    unnoticed: int
    wrong: NDArray[np.int64]


INTERVAL = np.dtype(
    [("track", np.uint16), ("state", np.uint16)]
    + [(name, np.int32) for name in ("column", "first", "stop")]
)
"""What one unit did from edge `first` up to, but without, `stop` of its step.

`track` is 0 for the CCU, 1 + 2k for PE k and 2 + 2k for its queue. `state` is the place of what it
did in `CCU_ACTIVITIES` or `CYCLE_CATEGORIES`, or the columns in the queue; `column` is the
broadcast column that the unit worked on, or -1. Empty queues are in no interval, nor is the CCU
after the last row.
"""


class TracedRun(NamedTuple):
    """A program's run in a trace: its symbol, the samples of the call, and five words per step."""

    symbol: str
    samples: int
    steps: NDArray[np.int64]


class RecordedTrace(NamedTuple):
    """The recording of one sample; `intervals` are of dtype `INTERVAL`, those of a track in order.

    Edges before `intervals_end` and `vcd_end` are complete; see `eie_backend.tracing.recording`.
    """

    runs: tuple[TracedRun, ...]
    intervals: NDArray[np.void]
    intervals_end: int
    vcd: bytes
    vcd_end: int


class RunMatrix(Protocol):
    """One scan of a loaded matrix per sample; see `eie_backend.simulator.matrices`."""

    def __call__(
        self,
        codebooks: NDArray[np.generic],
        words: NDArray[np.generic],
        sums: NDArray[np.generic] | None,
        scales: NDArray[np.int32],
        counters: NDArray[np.int64],
        accounts: NDArray[np.int64] | None,
        threads: int,
        engine: str,
        visit_seed: int,
        /,
    ) -> None:
        """Write sums, counters and accounts in place; the GIL is released meanwhile."""


class Runtime:
    """The C++ functions of this process, or of the server of an RPC session.

    Parameters
    ----------
    find : callable
        Returns a function by its name.
    """

    def __init__(self, find: Find) -> None:
        self._find = find

    def load_image(self, image: bytes) -> Any:
        """Return an image as a runtime module of kind ``eie``."""
        return self._find("ffi.Module.load_from_bytes.eie")(image)

    def load_matrix(self, config: Sequence[int], record: bytes) -> RunMatrix:
        """Return the scan of a matrix on a machine; `config` has the machine's fields in order."""
        run: RunMatrix = self._find("eie.load_matrix")(list(config), record)
        return run

    def start_engine(self, engine: str, visit_seed: int, threads: int) -> None:
        """Select the engine for the programs that this thread calls from now on.

        A non-zero `visit_seed` shuffles the order in which the clock engine visits its units.
        `threads` share the samples of a call; 0 means one per core.
        """
        self._find("eie.engine_start")(engine, visit_seed, threads)

    def stop_engine(self) -> None:
        """Restore the engine before the last `start_engine`; the first computes values only."""
        self._find("eie.engine_stop")()

    def start_profile(self, account: bool) -> None:
        """Record the programs that this thread runs from now on; `account`: with their cycles."""
        self._find("eie.profile_start")(account)

    def stop_profile(self) -> list[ProfileRow]:
        """Stop recording, and return a row per layer and one per program's setup."""
        return [
            ProfileRow(
                symbol=str(row["symbol"]),
                layer=str(row["layer"]),
                samples=int(row["samples"]),
                min_cycles=int(row["min_cycles"]),
                max_cycles=int(row["max_cycles"]),
                counters=[int(count) for count in row["counters"]],
                account=bytes(row["account"]),
            )
            for row in map(_plain, self._find("eie.profile_stop")())
        ]

    def start_trace(
        self,
        engine: str,
        sample: int,
        layer: str,
        start: int,
        stop: int,
        *,
        interval_bytes: int,
        vcd_bytes: int,
    ) -> None:
        """Record a sample of this thread's next calls; an empty `layer` means all layers.

        Both timed engines record intervals, the engine "clock" also a value change dump, each up to
        its size.
        """
        start_trace = self._find("eie.trace_start")
        start_trace(engine, sample, layer, start, stop, interval_bytes, vcd_bytes)

    def stop_trace(self) -> RecordedTrace:
        """Stop recording, and return the recording."""
        found = _plain(self._find("eie.trace_stop")())
        runs = tuple(
            TracedRun(str(run["symbol"]), int(run["samples"]), _words(run["steps"], np.int64))
            for run in map(_plain, found["runs"])
        )
        intervals = _words(found["intervals"], INTERVAL)
        ends = int(found["intervals_end"]), int(found["vcd_end"])
        return RecordedTrace(runs, intervals, ends[0], bytes(found["vcd"]), ends[1])

    def start_soft_errors(
        self,
        damaged: Sequence[bytes],
        seed: int,
        protection: int,
        rates: Sequence[float],
        symbols: Sequence[str],
        listed: Sequence[int],
    ) -> None:
        """Inject errors into this thread's next calls: damaged images, rates per bit, listed flips.

        A listed flip has a symbol and five numbers: unit, sample, step, word and bit.
        """
        self._find("eie.soft_errors_start")(
            list(damaged), seed, protection, list(rates), list(symbols), list(listed)
        )

    def stop_soft_errors(self) -> dict[str, NDArray[np.int64]]:
        """Stop injecting; return each sample's corrected, detected and missed words by symbol."""
        found = _plain(self._find("eie.soft_errors_stop")())
        return {name: _words(words, np.int64).reshape(-1, 3) for name, words in found.items()}

    def strike_memory(
        self,
        words: int,
        data_bits: int,
        protection: int,
        rate: float,
        keys: Sequence[int],
        listed: Sequence[int],
    ) -> StruckMemory:
        """Flip bits of a memory: at random with a rate per bit and four `keys`, and listed ones."""
        strike = self._find("eie.strike_memory")
        found = _plain(strike(words, data_bits, protection, rate, list(keys), list(listed)))
        return StruckMemory(
            flips=int(found["flips"]),
            corrected=int(found["corrected"]),
            detected=int(found["detected"]),
            unnoticed=int(found["unnoticed"]),
            wrong=_words(found["wrong"], np.int64),
        )

    def check_bits(self, data_bits: int, protection: int) -> int:
        """Return the number of check bits of a word."""
        return int(self._find("eie.check_bits")(data_bits, protection))

    def huffman_decode(
        self, lengths: NDArray[np.uint8], data: bytes, symbols: NDArray[np.uint16]
    ) -> None:
        """Decode the symbols of a canonical Huffman code in place."""
        self._find("eie.huffman_decode")(lengths, data, symbols)


@cache
def runtime() -> Runtime:
    """Return this process's runtime, loaded once; it is also TVM's runtime module kind ``eie``."""
    library = files("eie_backend") / "lib" / "libeie_runtime.so"
    if not library.is_file():
        raise EieError(
            f"eie_backend: {library} does not exist: this is a checkout that is not installed, "
            "imported from its own folder; run: pip install -e ."
        )
    tvm_ffi.load_module(str(library))
    return Runtime(tvm_ffi.get_global_func)


def _plain(found: Mapping[Any, Any]) -> dict[str, Any]:
    """Convert a C++ mapping to a dictionary with Python strings as keys."""
    return {str(name): value for name, value in found.items()}


def _words(data: Any, dtype: DTypeLike) -> NDArray[Any]:
    return np.frombuffer(bytes(data), dtype)
