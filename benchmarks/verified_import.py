"""What verifying an import costs: time and memory with it, without it, and when it is remembered.

``python benchmarks/verified_import.py`` imports LeNet-300-100, a ResNet-18 and a transformer of 25
million parameters in fresh processes, each way in turn, compiles each once, and writes
``benchmarks/results/verified_import.json``. It takes five minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from measure import Timing
from record import record
from residual import Residual
from transformer import Transformer

REPETITIONS = 5
WAYS = ("without", "with", "remembered")

PROGRAM = """
import json, sys, time
import eie_backend as eie
import onnx, tvm

path, way, compiles = sys.argv[1], sys.argv[2], sys.argv[3] == "compile"
bind = {"batch": 1} if "lenet" in path else None
start = time.perf_counter()
mod = eie.from_onnx(path, bind, verify=way != "without")
found = {"seconds": time.perf_counter() - start, "said": mod.attrs["eie.verified"]}
with open("/proc/self/status") as status:
    (peak,) = (line.split()[1] for line in status if line.startswith("VmHWM"))
start = time.perf_counter()
if compiles:
    eie.compile(mod)
print(json.dumps({**found, "peak": 1024 * int(peak), "compile": time.perf_counter() - start}))
"""


def models(folder: Path) -> dict[str, Path]:
    """Write the models; return their paths by name."""
    paths = {
        "LeNet-300-100": Path(str(files("eie_backend") / "data" / "lenet_300_100.onnx")),
        "ResNet-18": folder / "resnet.onnx",
        "transformer": folder / "transformer.onnx",
    }
    Residual().write(paths["ResNet-18"])
    Transformer().write(paths["transformer"])
    return paths


def imported(path: Path, way: str, cache: Path, *, compiles: bool = False) -> dict[str, Any]:
    """Import a model in a fresh process; return seconds, bytes, and what was verified."""
    command = [sys.executable, "-c", PROGRAM, path, way, "compile" if compiles else ""]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, cwd=cache
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measured(path: Path) -> dict[str, object]:
    """Return what imports of a model took."""
    rows: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as kept:
        whole = imported(path, "with", Path(kept), compiles=True)
        for _ in range(REPETITIONS):
            for way in WAYS:
                with tempfile.TemporaryDirectory() as empty:
                    cache = Path(kept if way == "remembered" else empty)
                    rows[way].append(imported(path, way, cache))
    times = {way: Timing.of([row["seconds"] for row in rows[way]]) for way in WAYS}
    peaks = {way: max(row["peak"] for row in rows[way]) for way in WAYS}
    verifying = (times["with"].median - times["without"].median) / 1e3
    return {
        "milliseconds": times,
        "time_ratio": round(times["with"].median / times["without"].median, 2),
        "peak_bytes": peaks,
        "memory_ratio": round(peaks["with"] / peaks["without"], 2),
        "compile_ms": round(1e3 * whole["compile"]),
        "verifying_of_compile": round(verifying / whole["compile"], 3),
        "verified": whole["said"],
    }


def main() -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder:
        found = {name: measured(path) for name, path in models(Path(folder)).items()}
    record("verified_import", {}, {"models": found})


if __name__ == "__main__":
    main()
