"""A sweep of 500 designs on a Dask cluster: one worker, two workers, and five kills.

``python benchmarks/sweep.py`` writes ``benchmarks/results/sweep.json`` (20 minutes). The scheduler
and its workers run on the loopback. LeNet-300-100 is pruned to ten densities and simulated on 50
machines over the 1,000 shipped digits. The analytical model rules nothing out, so all designs are
measured. Workers have imported everything before the clock starts.

Then ``eie sweep`` runs the same sweep on two workers and is killed five times, at random moments.
Its files must be those of an undisturbed run, and no design may be measured twice.
"""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import dask
import numpy as np
from distributed import Client, LocalCluster

sys.path.insert(0, str(Path(__file__).parent))
from measure import two_cores_speedup
from record import record

from eie_backend.cli.sweep_command import STUDY, read_bench
from eie_backend.sweep import Study, read_spec, sqlite_url, sweep
from eie_backend.sweep.shown import to_json

SAMPLES = 1000
KILLS = 5
QUIET = {
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.memory.monitor-interval": "1s",
}
"""Dask settings; by default a scheduler and two workers use a fifth of a core for monitoring."""
SPEC = {
    "models": {"lenet_300_100": "lenet_300_100.onnx"},
    "data": "digits.npz",
    "bind": {"batch": SAMPLES},
    "hardware": {
        "num_pe": [8, 16, 32, 64, 128],
        "fifo_depth": [2, 4, 8, 16, 32],
        "spmat_width_bits": [32, 64],
    },
    "recipe": {"density": [n / 10 for n in range(1, 11)]},
    "prune": False,
}


def write_spec(folder: Path) -> Path:
    """Write the specification with its model and data."""
    data = files("eie_backend") / "data"
    (folder / "lenet_300_100.onnx").write_bytes((data / "lenet_300_100.onnx").read_bytes())
    with np.load(str(data / "mnist_test_1000.npz")) as digits:
        images = digits["images"][:SAMPLES, None].astype(np.float32) / 255
        np.savez(folder / "digits.npz", image=images, labels=digits["labels"][:SAMPLES])
    path = folder / "lenet.yaml"
    path.write_text(json.dumps(SPEC))
    return path


def cluster(workers: int) -> LocalCluster:
    """Start a scheduler and workers, and let each import what it needs."""
    dask.config.set(QUIET)
    made = LocalCluster(
        n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0"
    )
    with Client(made) as client:
        client.run(lambda: __import__("eie_backend.sweep"))
    return made


def timed(spec_path: Path, workers: int, folder: Path) -> tuple[float, str, int]:
    """Return the seconds of a sweep, its file, and its designs."""
    spec = read_spec(spec_path)
    bench = read_bench(spec)
    with cluster(workers) as made, Study(sqlite_url(folder / f"{workers}.db"), "sweep") as study:
        start = time.perf_counter()
        found = sweep(spec, bench, study, made.scheduler_address)
        return time.perf_counter() - start, to_json(found), found.count("measured")


def killed(spec: Path, folder: Path) -> tuple[str, int]:
    """Kill ``eie sweep`` at random moments; return its file at the end, and trials in its study."""
    rng = random.Random(0)
    output = folder / "killed"
    with cluster(2) as made:
        command = [sys.executable, "-c", "from eie_backend.cli import main; main()", "sweep"]
        command += [str(spec), "-o", str(output), "--scheduler", made.scheduler_address, "--quiet"]
        for kill in range(1, KILLS + 1):
            running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            # Kill a sixth later each time, so that there is something left to kill.
            goal = (kill - rng.random() / 2) * len_of(SPEC) / (KILLS + 1)
            while known(output / STUDY) < goal:
                if running.poll() is not None:
                    raise RuntimeError(f"the sweep ended before kill {kill}")
                time.sleep(0.05)
            running.kill()
            running.wait()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (output / "sweep.json").read_text(), known(output / STUDY)


def len_of(spec: dict[str, object]) -> int:
    """Return the number of designs of a specification of lists."""
    lists = [*spec["hardware"].values(), *spec["recipe"].values()]  # type: ignore[attr-defined]
    return int(np.prod([len(values) for values in lists]))


def known(path: Path) -> int:
    """Return the trials of a study that another process writes."""
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
            return int(base.execute("SELECT count(*) FROM trials").fetchone()[0])
    except sqlite3.OperationalError:  # its tables are being created
        return 0


def main() -> None:
    """Measure, print and write the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = write_spec(folder)
        free = two_cores_speedup()
        one, text, designs = timed(spec, 1, folder)
        two, same, _ = timed(spec, 2, folder)
        after, trials = killed(spec, folder)
    exact = {
        "designs": designs,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "two_workers_identical": same == text,
        "kills": KILLS,
        "killed_identical": after == text,
        "measured_twice": trials - designs,
    }
    measured = {
        "seconds_one_worker": round(one, 1),
        "seconds_two_workers": round(two, 1),
        "speedup": round(one / two, 2),
        "two_threads_that_share_nothing": free,
    }
    record("sweep", exact, measured)


if __name__ == "__main__":
    main()
