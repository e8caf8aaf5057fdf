"""The node tests of the `onnx` package, compiled for target eie.

``not_offloaded.yaml`` lists, with its reason, every test of a layer operator that does not run on
the machine. A test that is not listed must; a line that is no longer true fails.
"""

import re
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import onnx
import pytest
import tvm
import yaml
from onnx import numpy_helper
from tvm import relax

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.errors import EieError, ModelError

LAYERS = {"Conv", "GRU", "Gemm", "LSTM", "MatMul"}
HOST = {"Relu"}
AROUND = (
    "add",
    "batch_normalization",
    "cast",
    "clip",
    "concat",
    "constant",
    "convtranspose",
    "div",
    "expand",
)
AROUND += (
    "flatten",
    "gelu",
    "hardswish",
    "if_",
    "leakyrelu",
    "loop",
    "matmulinteger",
    "mul",
    "pad",
)
AROUND += ("prelu", "qlinearconv", "qlinearmatmul", "reshape", "rnn", "sigmoid", "slice", "softmax")
AROUND += ("split", "squeeze", "sub", "sum", "tanh", "transpose", "unsqueeze")
"""Modules of the suite with what stands around layers; all of it takes seconds only to compute."""


def suite(modules=None):
    """Return the suite's cases by name: of all its modules, or of some."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the suite computes infinities on purpose
        node = import_module("onnx.backend.test.case.node")
        for module in modules or ():
            import_module(f"{node.__name__}.{module}")
        cases = node._NodeTestCases if modules else node.collect_testcases(None)
        return {case.name: case for case in cases}


CASES = suite(sorted(name.lower() for name in LAYERS | HOST))
NOT_OFFLOADED = yaml.safe_load(Path(__file__).with_name("not_offloaded.yaml").read_text("utf-8"))

# The suite's weights are all different; 7 bits of codebook hold them as they are.
MACHINE = eie.HardwareConfig(codebook_bits=7)


def operator(case):
    nodes = case.model.graph.node
    return nodes[0].op_type if len(nodes) == 1 else None


@cache
def layer_tests():
    return sorted(name for name, case in CASES.items() if operator(case) in LAYERS | HOST)


def with_constant_weights(case):
    """Return the test's model with all inputs but the first as initializers, and the first."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    inputs, _ = case.data_sets[0]
    for value, array in zip(case.model.graph.input[1:], inputs[1:], strict=True):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
    del model.graph.input[1:]
    return model, inputs[0]


def run(name):
    """Return the outputs on target eie, and whether the machine ran anything."""
    model, x = with_constant_weights(CASES[name])
    mod = eie.from_onnx(model).with_attr("eie.arithmetic", "float32")
    executable = tvm.compile(mod, target=eie.target(MACHINE))
    result = relax.VirtualMachine(executable, tvm.cpu())["main"](tvm.runtime.tensor(x))
    outputs = [result] if isinstance(result, tvm.runtime.Tensor) else list(result)
    return [output.numpy() for output in outputs], bool(list(programs(executable)))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", layer_tests())
def test_a_node_test_of_a_layer_operator_passes_on_target_eie(name):
    case = CASES[name]
    listed = NOT_OFFLOADED.get(name, {})
    if "refused" in listed:
        with pytest.raises(ModelError, match=re.escape(listed["refused"])):
            run(name)
        return
    outputs, on_machine = run(name)
    for output, expected in zip(outputs, case.data_sets[0][1], strict=True):
        np.testing.assert_allclose(output, expected, rtol=case.rtol, atol=case.atol)
    assert on_machine == (operator(case) in LAYERS and "host" not in listed)


def test_only_tests_of_layer_operators_are_listed():
    assert set(NOT_OFFLOADED) <= set(layer_tests())


@pytest.mark.nightly
def test_the_modules_of_layer_operators_have_all_their_tests():
    named = {name for name, case in suite().items() if operator(case) in LAYERS | HOST}
    assert named == set(layer_tests())


@pytest.mark.parametrize(
    ("modules", "at_least"),
    [
        pytest.param(AROUND, 200, marks=pytest.mark.nightly),
        pytest.param(None, 1001, marks=pytest.mark.nightly),
    ],
    ids=["around_layers", "all"],
)
def test_no_model_of_the_suite_crashes_the_compiler(modules, at_least):
    cases, crashes = suite(modules), {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, case in cases.items():
            try:
                eie.compile(eie.from_onnx(case.model), MACHINE, arithmetic="float32")
            except EieError:
                pass
            except Exception as error:
                crashes[name] = repr(error)
    assert len(cases) >= at_least
    assert not crashes
