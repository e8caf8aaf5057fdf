"""Time and memory of ``eie compile``: the dense layers of AlexNet and VGG-16, and 1 GB of weights.

``python benchmarks/compile_time.py [NAME ...]`` writes ONNX files with random weights at the
densities that Deep Compression reports, compiles each in a fresh process and writes
``benchmarks/results/compile_time.json``. Weights come in two kinds: already shared (15 values), and
pruned but not shared, so that k-means is part of the compilation. Peak memory is the largest
resident set of the process, including TVM's 0.2 GB, as the maximum of `REPETITIONS`; the gigabyte
is compiled once. Other load on the computer affects the wall time, but hardly the processor time.
It takes five minutes; with names, it writes nothing.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent))
from measure import Timing
from record import record

EIE = Path(sys.executable).with_name("eie")
KINDS = ("shared", "pruned")
MAX_MEMORY_RATIO = 3.0
REPETITIONS = 3


@dataclass(frozen=True)
class Network:
    """Dense layers: widths from input to output, the density of each layer, the time limit."""

    widths: tuple[int, ...]
    densities: tuple[float, ...]
    limit_s: float | None

    @property
    def weight_bytes(self) -> int:
        """Bytes of the float32 weights."""
        return 4 * sum(a * b for a, b in zip(self.widths, self.widths[1:], strict=False))


NETWORKS = {
    "alexnet": Network((9216, 4096, 4096, 1000), (0.09, 0.09, 0.25), 20.0),
    "vgg16": Network((25088, 4096, 4096, 1000), (0.04, 0.04, 0.23), 60.0),
    "gigabyte": Network((4096,) * 17, (0.1,) * 16, None),
}
"""Source: Deep Compression (ICLR 2016), Tables 4 and 5; the last is ours."""


def weights(
    outputs: int, inputs: int, density: float, kind: str, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return random weights (outputs, inputs) of a kind."""
    values = rng.standard_normal((outputs, inputs), np.float32) / np.float32(np.sqrt(inputs))
    kept = rng.random((outputs, inputs), np.float32) < density
    if kind == "shared":
        codebook = np.sort(rng.standard_normal(15, np.float32))
        values = codebook[rng.integers(0, 15, (outputs, inputs), np.uint8)]
    return values * kept


def write_model(network: Network, kind: str, folder: Path) -> Path:
    """Write the network as ONNX with its weights in one external file; return the model's path."""
    rng = np.random.default_rng(0)
    nodes, tensors, value = [], [], "x"
    path, data = folder / "model.onnx", folder / "model.data"
    with data.open("wb") as file:
        shapes = zip(network.widths, network.widths[1:], strict=False)
        for number, ((inputs, outputs), density) in enumerate(
            zip(shapes, network.densities, strict=True), start=1
        ):
            matrix = weights(outputs, inputs, density, kind, rng)
            tensor = TensorProto(name=f"w{number}", dims=matrix.shape, data_type=TensorProto.FLOAT)
            tensor.data_location = TensorProto.EXTERNAL
            place = {"location": data.name, "offset": file.tell(), "length": matrix.nbytes}
            for key, item in place.items():
                tensor.external_data.add(key=key, value=str(item))
            file.write(matrix.tobytes())
            bias = rng.standard_normal(outputs, np.float32)
            tensors += [tensor, onnx.numpy_helper.from_array(bias, f"b{number}")]
            operands = [value, f"w{number}", f"b{number}"]
            nodes.append(
                helper.make_node("Gemm", operands, [f"h{number}"], f"fc{number}", transB=1)
            )
            nodes.append(helper.make_node("Relu", [f"h{number}"], [f"r{number}"]))
            value = f"r{number}"
    ends = (("x", network.widths[0]), (value, network.widths[-1]))
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, width]) for n, width in ends)
    graph = helper.make_graph(nodes, "dense", [x], [y], tensors)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def embed(path: Path) -> None:
    """Move a model's external weights into the model's file."""
    onnx.save(onnx.load(path), path)


def measure(model: Path, eie: Path = EIE) -> tuple[float, float, int]:
    """Return seconds, CPU seconds and peak resident bytes of ``eie compile`` in a fresh process."""
    command = [str(eie), "compile", str(model)]
    start, cpu_start = time.perf_counter(), children_seconds()
    process = subprocess.Popen(
        [*command, "-o", str(model.with_suffix(".so"))], stdout=subprocess.DEVNULL
    )
    # The kernel's high-water mark; wait4's ru_maxrss would include this process.
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text("utf-8"))
        peak = 1024 * int(found[1]) if found else peak
        time.sleep(0.02)
    if process.returncode != 0:
        sys.exit(f"{model}: eie compile failed with exit code {process.returncode}")
    return time.perf_counter() - start, children_seconds() - cpu_start, peak


def children_seconds() -> float:
    """Return the CPU time of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def row(name: str, kind: str) -> dict[str, object]:
    """Compile a network with weights of a kind, several times."""
    network = NETWORKS[name]
    with tempfile.TemporaryDirectory() as folder:
        model = write_model(network, kind, Path(folder))
        if name != "gigabyte":
            embed(model)
        runs = [measure(model) for _ in range(1 if name == "gigabyte" else REPETITIONS)]
    seconds, cpu_seconds, peaks = zip(*runs, strict=True)
    peak = max(peaks)
    return {
        "network": name,
        "weights": kind,
        "weight_bytes": network.weight_bytes,
        "milliseconds": {"wall": Timing.of(seconds), "cpu": Timing.of(cpu_seconds)},
        "limit_s": network.limit_s,
        "peak_bytes": peak,
        "peak_ratio": round(peak / network.weight_bytes, 2),
    }


def main() -> None:
    """Measure, print, write the result, and fail above a limit."""
    rows = []
    for name in sys.argv[1:] or NETWORKS:
        for kind in KINDS:
            rows.append(row(name, kind))
            print(rows[-1], flush=True)
    if not sys.argv[1:]:
        record("compile_time", {}, {"max_peak_ratio": MAX_MEMORY_RATIO, "rows": rows})
    faults = [
        f"{found['network']} {found['weights']}"
        for found in rows
        if found["peak_ratio"] > MAX_MEMORY_RATIO
        or found["milliseconds"]["wall"].median > 1000 * (found["limit_s"] or np.inf)
    ]
    if faults:
        sys.exit(f"above a limit: {', '.join(faults)}")


if __name__ == "__main__":
    main()
