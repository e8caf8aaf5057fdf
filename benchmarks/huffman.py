"""Huffman decoding: at least 50 MB of codes per second, one byte per decoded code.

``python benchmarks/huffman.py`` decodes the codes and the relative indices of a layer as large as
AlexNet's fc7 (16.8 million weights, density 0.09, 31 values), in turns with bitarray's two
decoders, compares the medians and writes ``benchmarks/results/huffman.json`` (20 seconds). All
decoders use one thread, so processor time is measured and other load does not matter.
"""

from __future__ import annotations

import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
from bitarray import bitarray, decodetree
from bitarray.util import canonical_decode

from eie_backend.storage import huffman
from eie_backend.storage.coded_tensor import code_tensor
from eie_backend.storage.relative_index import Entries, to_entries

sys.path.insert(0, str(Path(__file__).parent))
from measure import timings
from record import record

SHAPE, DENSITY, LEVELS = (4096, 4096), 0.09, 31
RUNS = 11
LIMIT_MB_PER_SECOND = 50


def layer() -> np.ndarray:
    """Return normal weights, pruned by magnitude and rounded to a few levels."""
    weights = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    kept = np.abs(weights) >= np.quantile(np.abs(weights), 1 - DENSITY)
    step = 2 * np.abs(weights).max() / LEVELS
    return np.where(kept, np.round(weights / step) * step, 0).astype(np.float32)


@cache
def stored() -> Entries:
    """Return codes and relative indices of the layer."""
    tensor = code_tensor(layer())
    assert tensor is not None
    return to_entries(tensor.codes, tensor.layout.index_bits, tensor.layout.column_major)


def exact() -> dict[str, object]:
    """Return the number of symbols, and their size as Huffman codes."""
    entries = stored()
    return {
        "entries": entries.codes.size,
        "index_bits": entries.index_bits,
        "codes_bytes": len(huffman.encode(entries.codes).data),
        "indices_bytes": len(huffman.encode(entries.runs).data),
    }


def speeds(symbols: np.ndarray) -> dict[str, object]:
    """Time each decoder, and check its symbols; speed is in MB of codes per second."""
    stream = huffman.encode(symbols)
    words = huffman.codewords(stream.lengths)
    of_length = np.bincount(stream.lengths)
    of_length[0] = 0
    ordered = list(words)
    bits = bitarray(endian="big")
    bits.frombytes(stream.data)
    del bits[int(np.bincount(symbols) @ stream.lengths) :]
    tree = decodetree(words)

    def fill(decoded: object) -> np.ndarray:
        return np.fromiter(decoded, symbols.dtype, symbols.size)

    calls = {
        "eie": lambda: huffman.decode(stream, symbols.size, symbols.dtype.type),
        "bitarray canonical_decode": lambda: fill(
            canonical_decode(bits, of_length.tolist(), ordered)
        ),
        "bitarray decodetree": lambda: fill(bits.decode(tree)),
    }
    for call in calls.values():
        np.testing.assert_array_equal(call(), symbols)
    times = timings(calls, RUNS, time.process_time)
    speed = {name: round(symbols.size / 1e3 / t.median, 1) for name, t in times.items()}
    return {"milliseconds": times, "million_symbols_per_second": speed}


def main() -> None:
    """Measure, print, write the result, and fail below the limit."""
    entries = stored()
    found = {"codes": speeds(entries.codes), "indices": speeds(entries.runs)}
    limit = {"limit_mb_of_codes_per_second": LIMIT_MB_PER_SECOND}
    record("huffman", exact(), {**found, **limit})
    if (speed := found["codes"]["million_symbols_per_second"]["eie"]) < LIMIT_MB_PER_SECOND:
        sys.exit(f"{speed} MB of codes per second; limit {LIMIT_MB_PER_SECOND}")


if __name__ == "__main__":
    main()
