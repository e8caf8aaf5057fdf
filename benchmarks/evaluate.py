"""LeNet-300-100 over 1,000,000 inputs in one command: time, and memory while it runs.

``python benchmarks/evaluate.py`` writes ``benchmarks/results/evaluate.json`` (5 minutes). The
command is ``eie evaluate lenet.so --data digits.npz --repeat 100`` with MNIST's 10,000 test images
if they are available, otherwise ``--repeat 1000`` with the 1,000 shipped images. It runs once with
threads and once with processes. The resident memory of all its processes is read every half second.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from record import MNIST, record

import eie_backend as eie

INPUTS = 1_000_000
BATCH = 100


def digits() -> tuple[np.ndarray, np.ndarray, str]:
    """Return images, labels, and their source."""
    if MNIST.exists():
        with np.load(MNIST) as data:
            return data["x_test"], data["y_test"], "MNIST's test images"
    with np.load(str(files("eie_backend") / "data" / "mnist_test_1000.npz")) as data:
        return data["images"], data["labels"], "the shipped digits"


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and all its descendants."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * 4096 + sum(resident_bytes(int(child)) for child in children)


def run(folder: Path, repeat: int, scheduler: str) -> tuple[dict[str, object], dict[str, object]]:
    """Run the command; return its result, and its time and memory."""
    command = [sys.executable, "-c", "from eie_backend.cli import main; main()", "evaluate"]
    command += ["lenet.so", "--data", "digits.npz", "--repeat", str(repeat)]
    command += ["--scheduler", scheduler, "--json"]
    memory = []
    start = time.perf_counter()
    with (folder / "out.json").open("wb") as out:
        running = subprocess.Popen(command, cwd=folder, stdout=out)
        while running.poll() is None:
            memory.append(resident_bytes(running.pid))
            time.sleep(0.5)
    seconds = time.perf_counter() - start
    if running.returncode:
        raise RuntimeError(f"eie evaluate ended with {running.returncode}")
    found = json.loads((folder / "out.json").read_text())
    exact = {
        "samples": found["samples"],
        "correct": found["correct"],
        "cycles": sum(layer["counters"]["cycles"] for layer in found["report"]["layers"]),
    }
    tenths = [max(part) / 1e6 for part in np.array_split(memory, 10)]
    return exact, {
        "seconds": round(seconds, 1),
        "inputs_per_second": round(INPUTS / seconds),
        # Growth is measured between inner tenths, without start and end.
        "megabytes_by_tenth": [round(megabytes, 1) for megabytes in tenths],
        "growth_percent": round(100 * (tenths[-2] / tenths[2] - 1), 2),
    }


def main() -> None:
    """Measure, print and write the result."""
    images, labels, source = digits()
    exact: dict[str, object] = {"data": source}
    measured: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        x = images[:, None].astype(np.float32) / 255
        np.savez(folder / "digits.npz", image=x, labels=labels)
        module = eie.from_onnx(
            files("eie_backend") / "data" / "lenet_300_100.eiez", {"batch": BATCH}
        )
        eie.export_library(eie.compile(module, calibration=x[:1000]), folder / "lenet.so")
        for scheduler in ("threads", "processes"):
            exact[scheduler], measured[scheduler] = run(folder, INPUTS // len(x), scheduler)
    record("evaluate", exact, measured)


if __name__ == "__main__":
    main()
