"""The graphs of the ONNX model zoo that the `onnx` package ships, with constant weights."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import tvm
from tvm import relax

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.compiler import prepare
from eie_backend.transform.constraints import layer_reasons
from eie_backend.transform.inputs import input_specs

GRAPHS = sorted(Path(onnx.__file__).parent.glob("backend/test/data/light/*.onnx"))
EVERY_CHANGE = "light_squeezenet"
"""Its graph runs with each change; the others take half a minute on average."""


def run(mod, target, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        executable = tvm.compile(mod, target=target)
    result = relax.VirtualMachine(executable, tvm.cpu())["main"](tvm.runtime.tensor(x))
    return executable, result.numpy()


def graph(path):
    marks = () if path.stem == EVERY_CHANGE else pytest.mark.nightly
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize("path", [graph(path) for path in GRAPHS])
def test_a_zoo_graph_runs_all_its_layers_on_the_machine(path):
    mod = eie.from_onnx(path)
    (spec,) = input_specs(mod)
    x = np.random.default_rng(0).random(spec.shape, np.float32)
    machine = eie.target(eie.HardwareConfig())
    prepared = prepare(mod, machine, arithmetic="float32")
    assert not any(why for _, why in layer_reasons(prepared, eie.HardwareConfig()))
    executable, output = run(prepared, machine, x)
    assert list(programs(executable))
    _, expected = run(mod, "llvm", x)
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-6)
