"""Memory over months: a file is run, and a network compiled, again and again.

``python benchmarks/months.py`` writes ``benchmarks/results/months.json`` (half an hour). Each
curve is that of a new process: its resident memory, after garbage was collected and what malloc had
free was returned, before the calls and after each tenth of them. `WARM` calls come first: they
import what is used, and fill caches of a fixed size. ``tvm.compile`` of the same network for the
CPU stands beside ours, so that what TVM itself would keep is seen.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import onnx
import psutil
from onnx.utils import Extractor

sys.path.insert(0, str(Path(__file__).parent))
from concurrency import DATA, digits, export_lenet
from record import record

import eie_backend as eie
from eie_backend.simulator.runner import Runner

WARM = 30
POINTS = 10
COUNTS = {
    "runs of a file": 10_000,
    "calls of a Runner": 100_000,
    "imports and compilations": 1_000,
    "exports": 1_000,
    "compilations by TVM alone": 1_000,
}


def resident_bytes() -> int:
    """Return the resident memory that the process cannot give back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(psutil.Process().memory_info().rss)


def curve(call: Callable[[], object], count: int) -> list[int]:
    """Return the resident bytes before `count` calls, and after each tenth of them."""
    for _ in range(WARM):
        call()
    found = [resident_bytes()]
    for _ in range(POINTS):
        for _ in range(count // POINTS):
            call()
        found.append(resident_bytes())
    return found


def work(name: str, folder: Path) -> Callable[[], object]:
    """Return what is called again and again: LeNet-300-100 runs, its last layers are compiled."""
    import tvm

    if name.startswith(("runs", "calls")):
        library, x = export_lenet(1, folder), digits()[:1]
        if name.startswith("runs"):
            return partial(eie.run, library, x)
        runner = Runner(library)
        return partial(runner.call, runner.calls(x)[0])
    whole = onnx.shape_inference.infer_shapes(eie.load_eiez(DATA / "lenet_300_100.eiez"))
    model = Extractor(whole).extract_model(["relu1_output"], ["logits"])
    if name.startswith("imports"):
        return lambda: eie.compile(eie.from_onnx(model, bind={"batch": 1}))
    mod = eie.from_onnx(model, bind={"batch": 1})
    if name.startswith("exports"):
        executable = eie.compile(mod)
        return lambda: eie.export_library(executable, folder / "again.so")
    return lambda: tvm.compile(mod, target="llvm")


def measured(name: str, count: int) -> list[int]:
    """Return the curve of one kind of work, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        return curve(work(name, Path(folder)), count)


def curves(counts: dict[str, int]) -> dict[str, dict[str, object]]:
    """Return count and curve by kind of work, each of a process of its own."""
    found = {}
    for name, count in counts.items():
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            found[name] = {
                "calls": count,
                "resident_bytes": process.submit(measured, name, count).result(),
            }
        print(name, found[name], file=sys.stderr)
    return found


if __name__ == "__main__":
    record("months", {}, curves(COUNTS))
