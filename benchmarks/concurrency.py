"""Many callers of one model: their answers, their speedup, and the memory after 1,000,000 runs.

``python benchmarks/concurrency.py`` writes ``benchmarks/results/concurrency.json`` (ten minutes).
The shipped LeNet-300-100 is called, one digit per call, from 1, 2 and 64 threads in turns, and from
new processes that load its file concurrently. The allocated and resident memory of a process is
recorded after a tenth of its runs and at the end. The speedup of two threads is compared with that
of two threads that share nothing.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from measure import Timing, allocated_bytes, sharing_nothing, timings, two_cores_speedup
from record import record

import eie_backend as eie
from eie_backend.machine.choices import Engine
from eie_backend.profiler import profile_runner
from eie_backend.simulator.runner import Runner

DATA = files("eie_backend") / "data"
THREADS = (1, 2, 64)
CALLS = 640
"""Number of calls, of all threads together."""

REPETITIONS = 15
PROCESSES = 16
RUNS = 1_000_000


def export_lenet(batch: int, folder: Path) -> Path:
    """Compile LeNet-300-100 for `batch` digits per call."""
    mod = eie.from_onnx(eie.load_eiez(DATA / "lenet_300_100.eiez"), bind={"batch": batch})
    path = folder / f"lenet_{batch}.so"
    eie.export_library(eie.compile(mod), path)
    return path


@cache
def digits() -> NDArray[np.float32]:
    """Return the shipped MNIST test images."""
    with (DATA / "mnist_test_1000.npz").open("rb") as file, np.load(file) as data:
        return data["images"][:, None] / np.float32(255)


def answer(runner: Runner, number: int) -> tuple[str, bytes]:
    """Return the report of one digit, with all counters, and its scores."""
    report = profile_runner(runner, digits()[number : number + 1])
    return report.to_json(), report.outputs[0].tobytes()


def answer_in_process(library: Path, number: int) -> tuple[str, bytes]:
    """Return the answer of a process that loads the file first."""
    return answer(Runner(library), number)


def wrong_answers(library: Path) -> dict[str, int]:
    """Count the answers that differ from those of one thread."""
    runner = Runner(library)
    numbers = range(CALLS)
    expected = [answer(runner, number) for number in numbers]
    with ThreadPoolExecutor(max(THREADS)) as pool:
        by_threads = list(pool.map(lambda number: answer(runner, number), numbers))
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as processes:
        by_processes = list(
            processes.map(answer_in_process, [library] * PROCESSES, range(PROCESSES))
        )
    return {
        f"{CALLS} calls from {max(THREADS)} threads": _differing(by_threads, expected),
        f"{PROCESSES} processes": _differing(by_processes, expected[:PROCESSES]),
    }


def _differing(found: list[tuple[str, bytes]], expected: list[tuple[str, bytes]]) -> int:
    return sum(one != other for one, other in zip(found, expected, strict=True))


def calls_from(runner: Runner, threads: int, engine: Engine) -> Callable[[], None]:
    """Return a function that makes `CALLS` calls, shared among `threads` threads."""

    def work(thread: int) -> None:
        with runner.on_engine(engine):
            for number in range(thread, CALLS, threads):
                runner.call([digits()[number : number + 1]])

    def all_calls() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))

    return all_calls


def speeds(library: Path) -> dict[str, dict[str, object]]:
    """Time a call by engine and number of threads."""
    runner, found = Runner(library), {}
    engines: tuple[Engine, ...] = ("functional", "event", "clock")
    for engine in engines:
        calls = {str(n): calls_from(runner, n, engine) for n in THREADS}
        times = timings({**calls, **sharing_nothing()}, 5 if engine == "clock" else REPETITIONS)
        found[engine] = {
            "milliseconds_per_call": {n: times[n].per(CALLS) for n in calls},
            "two_threads_speedup": round(times["1"].median / times["2"].median, 2),
            "two_threads_speedup_of_control": two_cores_speedup(times),
        }
    return found


def new_thread(library: Path) -> Timing:
    """Measure the extra time of a thread's first call, which creates its VM."""
    runner, batch, seconds = Runner(library), [digits()[:1]], []

    def first_and_second() -> None:
        start = time.perf_counter()
        runner.call(batch)
        middle = time.perf_counter()
        runner.call(batch)
        seconds.append(2 * middle - start - time.perf_counter())

    for _ in range(200):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(first_and_second).result()
    return Timing.of(seconds)


def memory(library: Path) -> dict[str, dict[str, int]]:
    """Return the memory that the process holds after a tenth of the runs, and after all."""
    runner, batch = Runner(library), [digits()[:1]]
    found = {}
    for at in (RUNS // 10, RUNS):
        for _ in range(at - sum(row["runs"] for row in found.values())):
            runner.call(batch)
        gc.collect()
        found[str(at)] = {
            "runs": at,
            "allocated_bytes": allocated_bytes(),
            "resident_bytes": psutil.Process().memory_info().rss,
        }
    return found


def main() -> None:
    """Measure, print and write the result."""
    with tempfile.TemporaryDirectory() as folder:
        library = export_lenet(1, Path(folder))
        held = memory(library)
        wrong = wrong_answers(library)
        measured = {
            "threads": speeds(library),
            "new_thread_milliseconds": new_thread(library),
            "memory": held,
        }
    record("concurrency", {"wrong_answers": wrong}, measured)
    if any(wrong.values()):
        sys.exit(f"wrong answers: {wrong}")


if __name__ == "__main__":
    main()
