"""Commands in an installation without extras: they work, or say in one line what to install."""

import json
import subprocess
import sys
from importlib.metadata import packages_distributions

import numpy as np
import onnx
import pytest

import eie_backend as eie
from eie_backend.doctor.packages import EXTRAS, requirements

SCRIPT = """
import io, json, sys, contextlib

blocked = {*json.loads(sys.argv[1])}


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Finder())
from eie_backend import cli

for command in json.loads(sys.argv[2]):
    sys.argv = ["eie", *command.split()]
    errors = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        try:
            code = cli.status()
        except SystemExit as leaving:
            code = leaving.code or 0
    print("\\0" + json.dumps([code, errors.getvalue()]))
"""

NEEDS = {
    "report mlp.so --input x.npy -o r.html": "reports need itables: pip install '.[viz]'",
    "sweep sweep.yaml -o swept": "reports need itables: pip install '.[viz]'",
    "trace mlp.so --input x.npy -o t.svg": "pictures need Matplotlib: pip install '.[viz]'",
    "trace mlp.so --input x.npy -o t.perfetto-trace": "perfetto: pip install '.[viz]'",
    "faults mlp.so --data good.npz --trials 1 --picture f.svg": "Matplotlib: pip install '.[viz]'",
    "compress mlp.onnx --data good.npz --max-drop 5 --search optuna -o m.eiez": (
        "the search with Optuna needs Optuna: pip install '.[explore]'"
    ),
    "evaluate mlp.so --data good.npz --scheduler tcp://127.0.0.1:9": (
        "a Dask scheduler needs dask.distributed: pip install '.[cluster]'"
    ),
    "run mlp.so --input x.npy": None,
    "profile mlp.so --input x.npy": None,
    "compile mlp.onnx -o again.so": None,
    "evaluate mlp.so --data good.npz --scheduler threads": None,
    "explain mlp.onnx": None,
    "trace mlp.so --input x.npy -o t.vcd": None,
    "reproduce --table 1 -o new": None,
    "pack mlp.onnx -o packed.eiez": None,
}
"""Commands, and what each says without extras; None of those that need none."""


@pytest.fixture(scope="module")
def said(make_mlp, tmp_path_factory):
    """Return exit code and errors of each command."""
    folder = tmp_path_factory.mktemp("bare")
    model = make_mlp(24, 16, 10)
    x = np.random.default_rng(0).normal(size=(8, 24)).astype(np.float32)
    library = eie.compile(eie.from_onnx(model))
    onnx.save(model, folder / "mlp.onnx")
    eie.export_library(library, folder / "mlp.so")
    np.save(folder / "x.npy", x)
    np.savez(folder / "good.npz", x=x, labels=eie.run(library, x)[0].argmax(axis=1))
    sweep = {"models": {"mlp": "mlp.onnx"}, "data": "good.npz", "hardware": {"num_pe": [2]}}
    (folder / "sweep.yaml").write_text(json.dumps(sweep))
    wanted = {package.lower() for extra in EXTRAS for package in requirements(extra)}
    kept = {package.lower() for package in requirements()}
    blocked = [
        name
        for name, packages in packages_distributions().items()
        if {package.lower() for package in packages} & (wanted - kept)
    ]
    assert {"optuna", "matplotlib", "plotly", "distributed"} <= {*blocked}
    commands = [sys.executable, "-c", SCRIPT, json.dumps(blocked), json.dumps([*NEEDS])]
    done = subprocess.run(commands, cwd=folder, capture_output=True, text=True, check=True)
    found = [json.loads(line[1:]) for line in done.stdout.splitlines() if line.startswith("\0")]
    return dict(zip(NEEDS, found, strict=True))


@pytest.mark.parametrize("command", NEEDS)
def test_what_is_missing_is_one_line(command, said):
    code, errors = said[command]
    if NEEDS[command] is None:
        assert code == 0, errors
        return
    (line,) = errors.splitlines()
    assert code == 2
    assert line.startswith("eie: error: ")
    assert NEEDS[command] in line
    assert line.endswith("in eie's checkout")
