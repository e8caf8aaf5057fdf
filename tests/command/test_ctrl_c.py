"""Ctrl-C at any instant, to the command and all its processes: exit code 130 and one line.

An instant is an audit event of Python: an import, a file that is opened, a process that is started.
`benchmarks/interrupts.py` takes instants of time.
"""

import json
import os
import subprocess
import sys
from itertools import count

import numpy as np
import onnx
import pytest

import eie_backend as eie
from eie_backend.process import interrupts

RUN = """
import atexit, os, signal, sys
told, wanted, count = int(sys.argv.pop(1)), int(sys.argv.pop(1)), 0

def hook(event, arguments):
    global count
    count += 1
    if count == wanted:
        os.killpg(0, signal.SIGINT)

from eie_backend.command import main
atexit.register(lambda: os.write(told, str(count).encode()))
sys.addaudithook(hook)
sys.argv[0] = "eie"
main()
"""
LINES = {
    "compile": "compile mlp.onnx -o out/mlp.so",
    "run": "run mlp.so --input x.npy -o out/y.npy",
    "evaluate": "evaluate mlp.so --data good.npz --scheduler processes --workers 2",
    "sweep": "sweep sweep.yaml -o out/swept --scheduler processes --workers 2",
    "compress": "compress mlp.onnx --data good.npz --max-drop 90 -o out/mlp.eiez --pictures out/p",
    "report": "report mlp.so --input x.npy -o out/page.html",
    "faults": "faults mlp.so --data x.npy --units ptr --trials 1 --rates 0.01 -o out/faults.json",
    "reproduce": "reproduce --table 1 -o out/new",
}
KEPT = {"out/.eie_cache", "out/swept"}
"""What was found is kept."""


@pytest.fixture(scope="module")
def folder(make_mlp, tmp_path_factory):
    """Return a folder with all that the commands read."""
    folder = tmp_path_factory.mktemp("prepared")
    model = make_mlp(24, 16, 10, batch=8)
    x = np.random.default_rng(1).normal(size=(8, 24)).astype(np.float32)
    onnx.save(model, folder / "mlp.onnx")
    np.save(folder / "x.npy", x)
    np.savez(folder / "good.npz", x=x, labels=np.arange(8))
    sweep = {"models": {"mlp": "mlp.onnx"}, "data": "good.npz", "hardware": {"num_pe": [2, 4]}}
    (folder / "sweep.yaml").write_text(json.dumps(sweep))
    eie.export_library(eie.compile(eie.from_onnx(model)), folder / "mlp.so")
    return folder


@pytest.fixture
def run(folder, tmp_path):
    """Run a command, with Ctrl-C at an event; return exit code, stderr, files, number of events."""
    runs = count()

    def run(line, event=0):
        own = tmp_path / str(next(runs))
        for name in ("out", "tmp"):
            (own / name).mkdir(parents=True)
        for path in folder.iterdir():
            (own / path.name).symlink_to(path)
        read, write = os.pipe()
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(write), str(event), *line.split()],
            cwd=own,
            env={**os.environ, "TMPDIR": str(own / "tmp")},
            capture_output=True,
            text=True,
            check=False,
            pass_fds=[write],
            start_new_session=True,
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            events = int(pipe.read() or 0)
        left = {str(path.relative_to(own)) for path in own.glob("*/*")} - KEPT
        return done.returncode, done.stderr, left, events

    return run


def check(run, name, fractions):
    code, message, whole, events = run(LINES[name])
    assert (code, events > 1000) == (0, True), message
    for fraction in fractions:
        code, message, left, _ = run(LINES[name], int(fraction * events))
        assert (code, message) == (130, interrupts.LINE), fraction
        assert left in (set(), whole), fraction


@pytest.mark.parametrize("name", ["compile", "evaluate"])
def test_interrupt(name, run):
    check(run, name, (0.3, 0.9))


@pytest.mark.nightly
@pytest.mark.parametrize("name", LINES)
def test_interrupt_at_many_instants(name, run):
    check(run, name, np.random.default_rng(5).uniform(0, 0.95, 25))
