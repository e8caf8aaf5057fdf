"""Speed of the simulator, always compared with a named alternative in the same run.

``python benchmarks/simulator.py`` writes ``benchmarks/results/simulator.json`` (half a minute).
Alex-8 is ``../shared/data/alex8`` next to the checkout, and the result must equal its published
output; without the file, Alex-8 is generated.
"""

from __future__ import annotations

import os
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import tvm_ffi

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")
from measure import allocated_bytes, timings, two_cores_speedup
from record import ALEX8, record
from scipy.sparse import csr_array

from eie_backend import EncodedMatrix, HardwareConfig, simulate, simulate_batch
from eie_backend.isa.image import encode_image
from eie_backend.isa.image.records import encode_matrix
from eie_backend.isa.program import Program
from eie_backend.workloads import TABLE_III, Layer, generate, read_alex8

CONFIG = HardwareConfig()
BATCH = 64
COUNTERS = ("cycles", "ptr_reads", "spmat_reads", "entries")
LIMIT_LOADING_MS = 200


@cache
def layer(name: str) -> tuple[Layer, EncodedMatrix]:
    """Return a layer of Table III and its encoding; Alex-8 is the real one if there is a file."""
    real = name == "Alex-8" and ALEX8.exists()
    made = read_alex8(ALEX8) if real else generate(TABLE_III[name])
    return made, made.encode(CONFIG)


def exact() -> dict[str, object]:
    """Return counters by layer, and the size of an image; check the published output."""
    found: dict[str, object] = {}
    for name in ("Alex-8", "VGG-6"):
        made, encoded = layer(name)
        run = simulate(encoded, made.activations, CONFIG, "float32")
        assert run.output is not None
        assert made.expected is None or run.output.tobytes() == made.expected.tobytes()
        counters = {counter: run.counters[counter] for counter in COUNTERS}
        found[name] = {
            "published": made.expected is not None,
            **counters,
            "stored_entries": encoded.entries.size,
        }
    return {**found, "AlexNet image bytes": len(alexnet_image())}


def single(name: str) -> dict[str, object]:
    """Measure one input on one thread: cycles per second, and cycles without values."""
    made, encoded = layer(name)

    def call(values: bool) -> object:
        return simulate(encoded, made.activations, CONFIG, "float32", values=values)

    times = timings({"values": lambda: call(True), "cycles_only": lambda: call(False)}, 200)
    cycles = simulate(encoded, made.activations, CONFIG, "float32").cycles
    return {
        "milliseconds": times,
        "million_cycles_per_second": round(cycles / times["values"].median / 1e3, 1),
        "cycles_only_speedup": round(times["values"].median / times["cycles_only"].median, 1),
    }


def many(name: str) -> dict[str, object]:
    """Measure a batch: throughput of two threads, with and without values."""
    made, encoded = layer(name)
    x = np.tile(made.activations, (BATCH, 1))

    def call(threads: int, values: bool) -> object:
        return simulate_batch(encoded, x, CONFIG, "float32", threads=threads, values=values)

    calls = {
        "one_thread": lambda: call(1, True),
        "two_threads": lambda: call(2, True),
        "cycles_only_one_thread": lambda: call(1, False),
    }
    wall = timings(calls, 15)
    # Processor time of all threads: the amount of work, regardless of parallelism.
    cpu = timings(calls, 15, time.process_time)
    cycles = BATCH * simulate(encoded, made.activations, CONFIG, "float32").cycles
    work = {name: timing.median for name, timing in cpu.items()}
    return {
        "batch": BATCH,
        "milliseconds": wall,
        "cpu_milliseconds": cpu,
        "million_cycles_per_cpu_second": round(cycles / work["one_thread"] / 1e3, 1),
        "two_threads_speedup": round(wall["one_thread"].median / wall["two_threads"].median, 2),
        "two_threads_speedup_of_control": two_cores_speedup(),
        "two_threads_cpu_overhead": round(work["two_threads"] / work["one_thread"], 2),
        "cycles_only_speedup_by_cpu": round(work["one_thread"] / work["cycles_only_one_thread"], 1),
    }


def against_libraries(name: str) -> dict[str, object]:
    """Compare with NumPy's dense and SciPy's sparse product of the same layer and input.

    The simulator computes values and cycles. Calls take turns, so the dense product evicts caches
    before each. NumPy uses two threads; the simulator is measured with one and with two.
    """
    made, encoded = layer(name)
    dense, x = made.weights(), made.activations
    sparse = csr_array(dense)
    run = simulate(encoded, x, CONFIG, "float32")
    assert np.allclose(run.output, dense @ x, rtol=1e-3, atol=1e-3)
    times = timings(
        {
            "eie": lambda: simulate(encoded, x, CONFIG, "float32"),
            "eie_two_threads": lambda: simulate(encoded, x, CONFIG, "float32", threads=2),
            "numpy_dense": lambda: dense @ x,
            "scipy_csr": lambda: sparse @ x,
        },
        25,
    )
    eie = times["eie"].median
    return {
        "milliseconds": times,
        "faster_than_numpy_dense": round(times["numpy_dense"].median / eie, 1),
        "faster_than_scipy_csr": round(times["scipy_csr"].median / eie, 1),
    }


def memory(name: str) -> dict[str, object]:
    """Measure the memory of a loaded matrix, with and without its pointers.

    Instead of pointers, a loaded matrix has as many lengths of PE slices.
    """
    _, encoded = layer(name)
    stored, words = encode_matrix(encoded), list(CONFIG.to_dict().values())
    load = tvm_ffi.get_global_func("eie.load_matrix")
    before = allocated_bytes()
    loaded = load(words, stored)
    each = allocated_bytes() - before
    del loaded, stored
    pointer_bytes = encoded.pointers.size  # the narrowest length is a byte
    entries = encoded.entries.size
    return {
        "bytes_per_entry": round(each / entries, 2),
        "bytes_per_entry_without_pointers": round((each - pointer_bytes) / entries, 2),
    }


def alexnet_image() -> bytes:
    """Return an image of AlexNet's three dense layers, all generated."""
    names = ("Alex-6", "Alex-7", "Alex-8")
    return encode_image(
        Program(
            symbol="alexnet",
            manifest={},
            config=CONFIG,
            arithmetic="float32",
            inputs=1,
            outputs=1,
            layers=("all",),
            matrices=tuple(generate(TABLE_III[name]).encode(CONFIG) for name in names),
            biases=(),
            setup=(),
            steps=(),
        )
    )


def loading() -> dict[str, object]:
    """Time the load of an image."""
    image = alexnet_image()
    load = tvm_ffi.get_global_func("ffi.Module.load_from_bytes.eie")
    times = timings({"load": lambda: load(image)}, 15)
    return {"milliseconds": times, "limit_milliseconds": LIMIT_LOADING_MS}


def measured() -> dict[str, object]:
    """Measure everything."""
    return {
        "alex8": single("Alex-8"),
        "alex8_batch": many("Alex-8"),
        "vgg6": single("VGG-6"),
        "vgg6_batch": many("VGG-6"),
        "vgg6_against": against_libraries("VGG-6"),
        "alex8_memory": memory("Alex-8"),
        "vgg6_memory": memory("VGG-6"),
        "alexnet_loading": loading(),
    }


if __name__ == "__main__":
    record("simulator", exact(), measured())
