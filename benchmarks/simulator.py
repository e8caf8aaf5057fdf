"""How fast the simulator is, each time against a named alternative in the same run.

``python benchmarks/simulator.py [ALEX8.npz]`` writes ``benchmarks/results/simulator.json``. Every
time is the median of alternating repetitions. Exact figures
are asserted, so a wrong simulator cannot be a fast one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import tvm_ffi

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")
from environment import environment
from layers import Layer, alex8, random_layer
from measure import allocated_bytes, medians_ms, two_cores_speedup
from scipy.sparse import csr_array

from eie_backend import HardwareConfig, simulate, simulate_batch
from eie_backend.isa.image import encode_image, encode_matrix
from eie_backend.isa.program import Program

RESULT = Path(__file__).parent / "results" / "simulator.json"
CONFIG = HardwareConfig()
BATCH = 64
ALEXNET = ((9216, 4096, 0.09), (4096, 4096, 0.09), (4096, 1000, 0.25))


def single(layer: Layer) -> dict[str, object]:
    """Measure one input on one thread: cycles per second, and cycles without values."""

    def call(values: bool) -> object:
        return simulate(layer.encoded, layer.x, CONFIG, "float32", threads=1, values=values)

    times = medians_ms({"values": lambda: call(True), "cycles_only": lambda: call(False)}, 200)
    cycles = simulate(layer.encoded, layer.x, CONFIG, "float32").cycles
    return {
        "cycles": cycles,
        "milliseconds": times,
        "million_cycles_per_second": round(cycles / times["values"] / 1e3, 1),
        "cycles_only_speedup": round(times["values"] / times["cycles_only"], 1),
    }


def many(layer: Layer) -> dict[str, object]:
    """Measure a batch: throughput of two threads, with and without values."""
    x = np.tile(layer.x, (BATCH, 1))

    def call(threads: int, values: bool) -> object:
        return simulate_batch(layer.encoded, x, CONFIG, "float32", threads=threads, values=values)

    calls = {
        "one_thread": lambda: call(1, True),
        "two_threads": lambda: call(2, True),
        "cycles_only_one_thread": lambda: call(1, False),
    }
    wall = medians_ms(calls, 15)
    # Processor time of all threads: work, which says nothing about how much ran side by side.
    cpu = medians_ms(calls, 15, time.process_time)
    cycles = BATCH * simulate(layer.encoded, layer.x, CONFIG, "float32").cycles
    return {
        "batch": BATCH,
        "load_average": round(os.getloadavg()[0], 1),
        "milliseconds": wall,
        "cpu_milliseconds": cpu,
        "million_cycles_per_cpu_second": round(cycles / cpu["one_thread"] / 1e3, 1),
        "two_threads_speedup": round(wall["one_thread"] / wall["two_threads"], 2),
        "two_threads_speedup_of_control": two_cores_speedup(),
        "two_threads_cpu_overhead": round(cpu["two_threads"] / cpu["one_thread"], 2),
        "cycles_only_speedup_by_cpu": round(cpu["one_thread"] / cpu["cycles_only_one_thread"], 1),
    }


def against_libraries(layer: Layer) -> dict[str, object]:
    """NumPy's dense and SciPy's sparse product of the same layer and input.

    The simulator computes values and cycles. Calls take turns, so each finds caches that the dense
    product has filled. NumPy uses two threads; the simulator is measured with one and with two.
    """
    dense = layer.codebook[layer.codes]
    sparse = csr_array(dense)
    run = simulate(layer.encoded, layer.x, CONFIG, "float32")
    assert np.allclose(run.output, dense @ layer.x, rtol=1e-3, atol=1e-3)
    times = medians_ms(
        {
            "eie": lambda: simulate(layer.encoded, layer.x, CONFIG, "float32"),
            "eie_two_threads": lambda: simulate(
                layer.encoded, layer.x, CONFIG, "float32", threads=2
            ),
            "numpy_dense": lambda: dense @ layer.x,
            "scipy_csr": lambda: sparse @ layer.x,
        },
        25,
    )
    return {
        "milliseconds": times,
        "faster_than_numpy_dense": round(times["numpy_dense"] / times["eie"], 1),
        "faster_than_scipy_csr": round(times["scipy_csr"] / times["eie"], 1),
    }


def memory(layer: Layer) -> dict[str, object]:
    """Measure what a loaded matrix adds to the process, with and without its pointers.

    A loaded matrix has the length of each PE's slice instead of pointers, as many.
    """
    record, words = encode_matrix(layer.encoded), list(CONFIG.to_dict().values())
    load = tvm_ffi.get_global_func("eie.load_matrix")
    before = allocated_bytes()
    loaded = load(words, record, True)
    each = allocated_bytes() - before
    del loaded, record
    pointer_bytes = layer.encoded.pointers.size  # the narrowest length: a byte
    entries = layer.encoded.entries.size
    return {
        "entries": entries,
        "bytes_per_entry": round(each / entries, 2),
        "bytes_per_entry_without_pointers": round((each - pointer_bytes) / entries, 2),
    }


def loading() -> dict[str, object]:
    """Time the load of an image of AlexNet's three dense layers."""
    layers = [random_layer(*shape, 0.4, seed) for seed, shape in enumerate(ALEXNET)]
    image = encode_image(
        Program(
            symbol="alexnet",
            manifest={},
            config=CONFIG,
            arithmetic="float32",
            inputs=1,
            outputs=1,
            layers=("all",),
            matrices=tuple(layer.encoded for layer in layers),
            biases=(),
            setup=(),
            steps=(),
        )
    )
    load = tvm_ffi.get_global_func("ffi.Module.load_from_bytes.eie")
    times = medians_ms({"load": lambda: load(image)}, 15)
    return {"image_bytes": len(image), "milliseconds": times["load"], "limit_milliseconds": 200}


def main() -> None:
    """Measure, print and write the result."""
    alex = alex8(*sys.argv[1:2])
    run = simulate(alex.encoded, alex.x, CONFIG, "float32")
    exact = {name: run.counters[name] for name in ("cycles", "ptr_reads", "spmat_reads", "entries")}
    assert exact == {
        "cycles": 7926,
        "ptr_reads": 112640,
        "spmat_reads": 100900,
        "entries": 453748,
    }
    assert run.output.tobytes() == alex.expected.tobytes()
    vgg = random_layer(25088, 4096, 0.04, 0.183, seed=6)
    result = {
        "environment": environment(),
        "alex8_exact": exact,
        "alex8": single(alex),
        "alex8_batch": many(alex),
        "vgg6": single(vgg),
        "vgg6_batch": many(vgg),
        "vgg6_against": against_libraries(vgg),
        "alex8_memory": memory(alex),
        "vgg6_memory": memory(vgg),
        "alexnet_loading": loading(),
    }
    text = json.dumps(result, indent=2)
    print(text)
    RESULT.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
