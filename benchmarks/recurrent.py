"""How the time to compile a recurrent layer grows with its steps.

``python benchmarks/recurrent.py`` imports and compiles an LSTM and a GRU of 10 and of 100 steps, in
turn and in fresh processes, and writes ``benchmarks/results/recurrent.json``: a minute.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import Timing
from record import record

ROOT = Path(__file__).parents[1]

REPETITIONS = 3
FEW, MANY = 10, 100
SIZE = 256
"""Inputs, and states."""

PROGRAM = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import eie_backend as eie
from recurrent_nodes import recurrent

operator, steps, size = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
model, _ = recurrent(operator, steps=steps, batch=1, inputs=size, hidden=size, head=10)
start = time.process_time()
mod = eie.from_onnx(model, verify=False)
imported = time.process_time() - start
eie.compile(mod)
print(json.dumps([imported, time.process_time() - start - imported]))
"""


def measured(operator: str, steps: int) -> list[float]:
    """Return the seconds of a processor to import and to compile."""
    command = [sys.executable, "-c", PROGRAM, str(ROOT / "tests"), operator, str(steps), str(SIZE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure, print and write."""
    rows = []
    for operator in ("LSTM", "GRU"):
        runs = {steps: [measured(operator, steps)] for steps in (FEW, MANY)}
        for _ in range(REPETITIONS - 1):
            for steps, found in runs.items():
                found.append(measured(operator, steps))
        times = {
            f"{what} {steps}": Timing.of([run[at] for run in found])
            for steps, found in runs.items()
            for at, what in enumerate(("import", "compile"))
        }
        whole = {
            steps: Timing.of([sum(run) for run in found]).median for steps, found in runs.items()
        }
        rows.append(
            {
                "operator": operator,
                "milliseconds": times,
                "ratio": round(whole[MANY] / whole[FEW], 2),
            }
        )
    record("recurrent", {"size": SIZE, "steps": [FEW, MANY]}, {"rows": rows})


if __name__ == "__main__":
    main()
