"""Time that eie's hook adds to ``import tvm``: at most 50 ms.

``python benchmarks/import_time.py`` times ten fresh processes with our entry point and ten without,
alternating, compares the medians and writes ``benchmarks/results/import_time.json`` (30 seconds).
TVM_DEVICE_BACKEND_AUTOLOAD=0 would turn off other packages' backends too, so only ours is hidden.
`hook` is the time inside our entry point alone, which other load on the machine disturbs less.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import Timing
from record import record

RUNS = 10
LIMIT_MS = 50.0

PROGRAM = """
import importlib.metadata, json, sys, time

hidden = sys.argv[1] == "without"
installed = importlib.metadata.entry_points
hook = []

class Timed:
    def __init__(self, point):
        self.name, self._point = point.name, point

    def load(self):
        start = time.perf_counter()
        function = self._point.load()

        def call():
            function()
            hook.append(time.perf_counter() - start)

        return call

def entry_points(**selection):
    for point in installed(**selection):
        if not point.value.startswith("eie_backend"):
            yield point
        elif not hidden:
            yield Timed(point)

importlib.metadata.entry_points = entry_points
start = time.perf_counter()
import tvm
seconds = time.perf_counter() - start
assert len(hook) == (0 if hidden else 1), "the entry point was not found, or not hidden"
print(json.dumps([seconds, sum(hook)]))
"""


def import_seconds(variant: str) -> tuple[float, float]:
    """Return the seconds of ``import tvm`` in a fresh process, and of our hook in it."""
    command = [sys.executable, "-c", PROGRAM, variant]
    # Not from the checkout, which `python -c` would import instead of the installed package.
    elsewhere = tempfile.gettempdir()
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=elsewhere)
    whole, hook = json.loads(done.stdout)
    return whole, hook


def main() -> None:
    """Measure, print, write the result, and fail above the limit."""
    variants = ("without", "with")
    for variant in variants:  # fills the file cache
        import_seconds(variant)
    times: dict[str, list[tuple[float, float]]] = {variant: [] for variant in variants}
    for _ in range(RUNS):
        for variant in variants:
            times[variant].append(import_seconds(variant))
    found = {v: Timing.of([whole for whole, _ in times[v]]) for v in variants}
    hook = Timing.of([hook for _, hook in times["with"]])
    difference = round(found["with"].median - found["without"].median, 1)
    measured = {
        "milliseconds": {**found, "hook": hook},
        "difference_ms": difference,
        "limit_ms": LIMIT_MS,
    }
    record("import_time", {}, measured)
    if difference > LIMIT_MS:
        sys.exit(f"import tvm takes {difference} ms longer with eie-backend; limit {LIMIT_MS} ms")


if __name__ == "__main__":
    main()
