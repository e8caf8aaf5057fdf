"""``eie compile`` compared with another installation's: processor time and peak memory.

``python benchmarks/compile_against.py COMMIT OTHER_EIE [NAME ...]`` takes the ``eie`` of another
commit, installed with ``pip install`` into its own virtual environment. Both compile a generated
transformer with 25 million parameters and the dense layers of AlexNet, taking turns, with a fresh
process for each run. The result goes to ``benchmarks/results/compile_against.json``. It takes four
minutes; with names, it writes nothing.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))
from compile_time import NETWORKS, embed, measure, write_model
from measure import Timing
from record import record
from transformer import Transformer

REPETITIONS = 5
OWN = Path(sys.executable).with_name("eie")


def model(name: str, folder: Path) -> Path:
    """Write a network, and return its model's path."""
    if name == "transformer":
        path = folder / "model.onnx"
        Transformer().write(path)
        return path
    path = write_model(NETWORKS[name], "pruned", folder)
    embed(path)
    return path


def row(name: str, other: Path) -> dict[str, object]:
    """Compile a network with both installations, taking turns."""
    with tempfile.TemporaryDirectory() as folder:
        path = model(name, Path(folder))
        pairs = [(measure(path, other), measure(path, OWN)) for _ in range(REPETITIONS)]
    before, after = zip(*pairs, strict=True)
    cpu = {"before": [run[1] for run in before], "after": [run[1] for run in after]}
    peaks = {"before": [run[2] for run in before], "after": [run[2] for run in after]}
    return {
        "network": name,
        "milliseconds": {side: Timing.of(seconds) for side, seconds in cpu.items()},
        "cpu_ratio": round(median(cpu["after"]) / median(cpu["before"]), 3),
        "peak_bytes": {side: int(median(found)) for side, found in peaks.items()},
        "peak_ratio": round(median(peaks["after"]) / median(peaks["before"]), 3),
    }


def main() -> None:
    """Measure, print and write the result."""
    commit, other, *names = sys.argv[1:]
    rows = []
    for name in names or ("transformer", "alexnet"):
        rows.append(row(name, Path(other)))
        print(rows[-1], flush=True)
    if not names:
        record("compile_against", {}, {"other": f"commit {commit}", "rows": rows})


if __name__ == "__main__":
    main()
