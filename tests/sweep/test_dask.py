"""A sweep on a Dask scheduler with two workers, started here (benchmarks/sweep.py: 500 designs)."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import distributed
import numpy as np
import pytest
from calls import die_once

from eie_backend.codegen.library import export_library
from eie_backend.errors import WorkerError
from eie_backend.profiler.evaluation import Library, Shard, evaluate
from eie_backend.sweep import sweep
from eie_backend.sweep.shown import to_json
from eie_backend.work.workers import completed, working_with

# Dask warns where that takes more than a second.
pytestmark = pytest.mark.filterwarnings("ignore:Creating scratch directories")

RUN = "from eie_backend.cli import main; main()"
KILLED = f"""
import os, signal
from eie_backend.sweep import Study

add = Study.add

def add_once(study, *outcome):
    Study.add = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    add(study, *outcome)

Study.add = add_once
{RUN}
"""
"""A run that keeps one outcome and is killed with the next in its hands."""


@pytest.fixture(scope="module")
def cluster():
    """Start a scheduler and two workers on the loopback; return the cluster."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=":0",
        silence_logs=50,
    ) as started:
        yield started


@pytest.mark.nightly
def test_gives_what_threads_give(cluster, make_bench, open_study):
    spec, bench = make_bench(recipe={"density": 0.5})
    threads = sweep(spec, bench, open_study("threads"), "threads", 1)
    dask = sweep(spec, bench, open_study("dask"), cluster.scheduler_address)
    assert to_json(dask) == to_json(threads)


KILLS = 5


@pytest.mark.nightly
def test_killed_several_times_ends_the_same(cluster, write_spec, tmp_path):
    spec = write_spec(recipe={"density": 0.5}, prune=False)
    options = ["sweep", str(spec), "--quiet", "--scheduler", cluster.scheduler_address, "-o"]
    whole = [sys.executable, "-c", RUN, *options]
    subprocess.run([*whole, tmp_path / "once"], check=True, capture_output=True)
    folder = tmp_path / "killed"
    for kill in range(KILLS):
        killed = subprocess.run([sys.executable, "-c", KILLED, *options, folder], check=False)
        assert (killed.returncode, _known(folder)) == (-signal.SIGKILL, kill + 1)
    subprocess.run([*whole, folder], check=True, capture_output=True)
    for name in ("sweep.json", "sweep.html", "pareto.svg"):
        assert (folder / name).read_bytes() == (tmp_path / "once" / name).read_bytes()
    assert _known(folder) == 8, "something was measured twice"


def _known(folder):
    """Return the finished trials of a study."""
    with closing(sqlite3.connect(folder / "study.db")) as base:
        return base.execute("SELECT count(*) FROM trials").fetchone()[0]


def test_a_killed_worker_loses_nothing(cluster, tmp_path):
    with working_with(cluster.scheduler_address, None, str(tmp_path / "died")) as workers:
        assert dict(completed(workers, die_once, range(8))) == {n: n for n in range(8)}
    assert (tmp_path / "died").exists()


def test_what_is_sent_again_is_not_what_dask_still_releases(cluster):
    with working_with(cluster.scheduler_address, None, "the same") as workers:
        before = workers._sent.key
        workers.replace()
        assert workers._sent.key != before


def test_an_evaluation_has_the_totals_of_threads(cluster, make_mlp, tmp_path):
    import eie_backend as eie

    export_library(eie.compile(eie.from_onnx(make_mlp(12, 8, 3))), tmp_path / "small.so")
    library = Library((tmp_path / "small.so").read_bytes())
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(64, 12)).astype(np.float32), rng.integers(0, 3, 64)

    def found(size, scheduler):
        parts = [
            Shard({"x": x[at : at + size]}, labels[at : at + size]) for at in range(0, 64, size)
        ]
        return evaluate(library, parts, scheduler=scheduler).to_dict()

    assert found(4, cluster.scheduler_address) == found(32, "threads")


def test_says_what_is_missing(monkeypatch):
    from eie_backend.work import workers

    monkeypatch.setattr(workers, "CONNECT_SECONDS", 0.5)
    with pytest.raises(WorkerError, match="no Dask scheduler answers"):
        with working_with("tcp://127.0.0.1:1", None, None):
            pass
