"""Time and memory of compression: AlexNet's dense layers vs. a sort, k-means vs. scikit-learn.

``python benchmarks/compress_speed.py`` writes ``benchmarks/results/compress_speed.json`` (one
minute). Ratios compare calls that take turns in one run; they are medians. The weights are normal,
with the shapes and densities of Deep Compression, Table 4, in the compiler's memory order.

Memory is measured in a fresh process: the kernel's high-water mark of resident memory during
pruning, sharing and encoding, minus the resident memory before the weights were created. It
therefore includes the weights, temporary data of the three steps, and their results.

scikit-learn is in the extra `bench`; without it, its row has the reason.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eie_backend import HardwareConfig, encode
from eie_backend.compress.prune import prune
from eie_backend.compress.share_weights import share, share_codes
from eie_backend.machine.codebook import codebook_of, nonzero_codes
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.pruning.largest import largest
from eie_backend.sharing.cluster import cluster

sys.path.insert(0, str(Path(__file__).parent))
from measure import resident_bytes, timings
from record import record

LAYERS = {"fc6": (4096, 9216, 0.09), "fc7": (4096, 4096, 0.09), "fc8": (1000, 4096, 0.25)}
"""Outputs, inputs and density by layer."""

BITS = 4
CLUSTERS = (1 << BITS) - 1
REPETITIONS = 7
MAX_TIME_RATIO, MAX_MEMORY_RATIO, MIN_SPEEDUP = 1.0, 2.0, 15.0

Weights = dict[str, NDArray[np.float32]]


def weights() -> Weights:
    """Return random weights (outputs, inputs) as the compiler holds them, layer by layer."""
    rng = np.random.default_rng(0)
    return {
        name: rng.standard_normal((inputs, outputs), np.float32).T
        for name, (outputs, inputs, _) in LAYERS.items()
    }


def compressed(layers: Weights) -> list[EncodedMatrix]:
    """Prune, share and encode: the functions of `prune`, `share` and the code generator."""
    config, encoded = HardwareConfig(), []
    for name, matrix in layers.items():
        kept = largest(matrix, round(LAYERS[name][2] * matrix.size))
        codes, codebook = share_codes(kept, BITS)
        del kept
        encoded.append(encode(codes, codebook, config))
    return encoded


def compressed_densely(layers: Weights) -> list[EncodedMatrix]:
    """Compress with a whole matrix after each step, as in the modules that users can print."""
    config, encoded = HardwareConfig(), []
    for name, matrix in layers.items():
        shared = share(prune(matrix, LAYERS[name][2]), BITS)
        codebook = codebook_of(shared)
        encoded.append(encode(nonzero_codes(shared, codebook), codebook, config))
    return encoded


def same(first: list[EncodedMatrix], second: list[EncodedMatrix]) -> bool:
    """Return whether two ways of compressing gave the same bits."""
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in zip(first, second, strict=True)
        for name in ("codebook", "pointers", "entries")
    )


def memory_ratio(compress: Callable[[Weights], object]) -> float:
    """Return the most memory during compression over that of the weights; for a fresh process."""
    compress({"fc8": weights()["fc8"]})  # what is loaded and started once
    gc.collect()
    before = resident_bytes("VmRSS")
    layers = weights()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again
    result = compress(layers)
    peak = resident_bytes("VmHWM")
    del result
    return round((peak - before) / sum(matrix.nbytes for matrix in layers.values()), 2)


def in_fresh_process(function: str) -> float:
    """Return the memory ratio of one of this module's functions."""
    command = [sys.executable, __file__, function]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def exact() -> dict[str, object]:
    """Return the stored size of each layer."""
    return {
        name: {"entries": matrix.entries.size, "padding_entries": matrix.padding_entries}
        for name, matrix in zip(LAYERS, compressed(weights()), strict=True)
    }


def pipeline_row() -> dict[str, object]:
    """Compare pruning, sharing and encoding with one sort of the weights."""
    layers = weights()
    if not same(compressed(layers), compressed_densely(layers)):
        sys.exit("with and without whole matrices: different bits")
    flat = np.concatenate([matrix.ravel(order="K") for matrix in layers.values()])
    times = timings(
        {
            "sort": lambda: np.sort(flat),
            "compress": lambda: compressed(layers),
            "compress_densely": lambda: compressed_densely(layers),
        },
        REPETITIONS,
    )
    return {
        "weights": flat.size,
        "milliseconds": times,
        "time_ratio": round(times["compress"].median / times["sort"].median, 2),
        "time_ratio_densely": round(times["compress_densely"].median / times["sort"].median, 2),
        "memory_ratio": in_fresh_process("compressed"),
        "memory_ratio_densely": in_fresh_process("compressed_densely"),
    }


def kmeans_row() -> dict[str, object]:
    """Compare k-means of 1.5 million weights, their sort included, with scikit-learn's."""
    if find_spec("sklearn") is None:
        return {"skipped": "scikit-learn is not installed: pip install '.[bench]'"}
    from sklearn.cluster import KMeans

    values = np.random.default_rng(0).standard_normal(1_500_000, np.float32)
    column = values[:, None]

    def theirs() -> NDArray[np.floating]:
        found = KMeans(CLUSTERS, random_state=0).fit(column)
        return np.sort(found.cluster_centers_[:, 0])

    def ours() -> NDArray[np.floating]:
        return cluster(np.sort(values), CLUSTERS)

    def error(centroids: NDArray[np.floating]) -> float:
        wide = centroids.astype(np.float64)
        nearest = np.searchsorted((wide[1:] + wide[:-1]) / 2, values)
        return float(np.sum((values - wide[nearest]) ** 2))

    times = timings({"sklearn": theirs, "eie": ours}, 5)
    errors = {"sklearn": error(theirs()), "eie": error(ours())}
    return {
        "values": values.size,
        "clusters": CLUSTERS,
        "sklearn": f"{version('scikit-learn')}, n_init='auto': one start by k-means++",
        "milliseconds": times,
        "speedup": round(times["sklearn"].median / times["eie"].median, 1),
        "squared_error": {name: round(value, 3) for name, value in errors.items()},
        "error_ratio": round(errors["eie"] / errors["sklearn"], 5),
    }


def main() -> None:
    """Measure, print, write the result, and fail beyond a limit."""
    if len(sys.argv) > 1:
        print(memory_ratio({f.__name__: f for f in (compressed, compressed_densely)}[sys.argv[1]]))
        return
    limits = {
        "time_ratio": MAX_TIME_RATIO,
        "memory_ratio": MAX_MEMORY_RATIO,
        "speedup": MIN_SPEEDUP,
    }
    pipeline, kmeans = pipeline_row(), kmeans_row()
    measured = {"limits": limits, "pipeline": pipeline, "kmeans": kmeans}
    record("compress_speed", exact(), measured)
    faults = [
        name
        for name, bad in (
            ("time_ratio", pipeline["time_ratio"] > MAX_TIME_RATIO),
            ("memory_ratio", pipeline["memory_ratio"] > MAX_MEMORY_RATIO),
            ("speedup", kmeans.get("speedup", MIN_SPEEDUP) < MIN_SPEEDUP),
            ("error_ratio", kmeans.get("error_ratio", 0.0) > 1),
        )
        if bad
    ]
    if faults:
        sys.exit(f"beyond a limit: {', '.join(faults)}")


if __name__ == "__main__":
    main()
