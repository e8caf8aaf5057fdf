"""A node test of the `onnx` package beside a dense layer: right, wrong, refused or worse.

``python node_suite.py NAME...`` prints an outcome per line, as JSON: before a test that ends the
process, only its name.
"""

import json
import os
import sys
import warnings
from functools import cache
from importlib import import_module
from types import ModuleType

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.errors import EieError

MACHINE = eie.HardwareConfig(codebook_bits=7)
WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3) / 4 - 1
X = np.arange(4, dtype=np.float32)[None]
HALF = ("float16", "bfloat16")
"""Models of these are computed in float32, and say so."""

MODULES = "onnx.backend.test.case.node"
POOLS = ("averagepool", "lppool", "maxpool")
"""Files of the suite that compute for seconds when they are imported."""


@cache
def suite(pools=True):
    """Return the suite's cases by name, without those that only spell out a function's body.

    Those of `POOLS` may be left out.
    """
    if not pools:
        for name in POOLS:
            sys.modules[f"{MODULES}.{name}"] = ModuleType(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the suite computes infinities on purpose
        cases = import_module(MODULES).collect_testcases(None)
    return {case.name: case for case in cases if "_expanded" not in case.name}


def beside(case, constants):
    """Return the test's model with some inputs as constants, and a dense layer beside it."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    if not any(opset.domain == "" for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", 21))
    for given, value in zip(graph.input, arrays(case.data_sets[0][0]), strict=False):
        if is_tensor(value):  # some leave their shape open
            kind = given.type.tensor_type.elem_type
            given.CopyFrom(helper.make_tensor_value_info(given.name, kind, np.shape(value)))
    for name, value in constants.items():
        (given,) = (one for one in graph.input if one.name == name)
        graph.input.remove(given)
        made = numpy_helper.from_array(np.asarray(value), name)
        graph.node.insert(0, helper.make_node("Constant", [], [name], value=made))
    weights = numpy_helper.from_array(WEIGHTS, "eie_w")
    graph.input.append(helper.make_tensor_value_info("eie_x", TensorProto.FLOAT, X.shape))
    graph.node.append(helper.make_node("Constant", [], ["eie_w"], value=weights))
    graph.node.append(helper.make_node("MatMul", ["eie_x", "eie_w"], ["eie_y"], "eie_fc"))
    shape = (X @ WEIGHTS).shape
    graph.output.append(helper.make_tensor_value_info("eie_y", TensorProto.FLOAT, shape))
    return model


def difference(found, wanted, case):
    """Return what is different from the suite's result, "" if nothing is."""
    wanted = np.asarray(wanted)
    half = str(wanted.dtype) in HALF
    if half and found.dtype == np.float32:
        wanted = wanted.astype(np.float32)
    if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
        return f"{found.shape} {found.dtype}, not {wanted.shape} {wanted.dtype}"
    if wanted.dtype.kind not in "biufc":  # such as bfloat16
        found, wanted = found.astype(np.float32), wanted.astype(np.float32)
    rounding = 1e-2 if half else 1e-5
    close = dict(rtol=max(case.rtol, 1e-3, rounding), atol=max(case.atol, rounding))
    if np.allclose(found, wanted, **close, equal_nan=True):
        return ""
    return f"{found.reshape(-1)[:4]}..., not {wanted.reshape(-1)[:4]}..."


def arrays(values):
    """Return the data of a test as arrays; sequences stay what they are."""
    return [numpy_helper.to_array(v) if isinstance(v, TensorProto) else v for v in values]


def attempt(case, constant_from):
    """Return the outcome and its reason; inputs from that number on are constants."""
    inputs, outputs = (arrays(values) for values in case.data_sets[0])
    names = [value.name for value in case.model.graph.input]
    given = dict(zip(names, inputs, strict=False))
    try:
        constants = {name: given[name] for name in names[constant_from:] if name in given}
        model = beside(case, constants)
    except Exception as error:  # sequences are no constants
        return "refused", f"no tensor: {error}"
    feeds = {n: np.asarray(v) for n, v in given.items() if n not in constants and is_tensor(v)}
    try:
        mod = eie.from_onnx(model)
        executable = eie.compile(mod, MACHINE, arithmetic="float32")
        for param in mod["main"].params:
            if str(param.ty.dtype) == "float32" and str(feeds.get(param.name, X).dtype) in HALF:
                feeds[param.name] = feeds[param.name].astype(np.float32)
        found = eie.run(executable, {**feeds, "eie_x": X})
    except EieError as error:
        return "refused", str(error)
    except Exception as error:
        return "traceback", repr(error)
    if len(found) != len(outputs) + 1:
        return "wrong", f"{len(found) - 1} results, not {len(outputs)}"
    pairs = zip(found, [*outputs, X @ WEIGHTS], strict=True)
    said = [why for one, wanted in pairs if (why := difference(one, wanted, case))]
    if not said:
        return "right", ""
    theirs = by_runtime(case, given)
    same = len(theirs) == len(outputs) and not any(
        difference(one, np.asarray(wanted), case)
        for one, wanted in zip(found, theirs, strict=False)
    )
    return "as_runtime" if same else "wrong", said[0]


def by_runtime(case, feeds):
    """Return ONNX Runtime's results, none if it refuses the test."""
    try:
        import onnxruntime

        session = onnxruntime.InferenceSession(case.model.SerializeToString())
        return session.run(None, feeds)
    except Exception:
        return []


def is_tensor(value):
    return not isinstance(value, (list, dict, tuple)) and value is not None


def outcome(case):
    """Return the best that becomes of a test: its inputs as inputs, all but one, all constants."""
    first = attempt(case, len(case.model.graph.input))
    if first[0] != "refused":
        return first
    for constant_from in (1, 0):
        found = attempt(case, constant_from)
        if found[0] != "refused":
            return found
        first = first if found[1].startswith("no tensor") else found
    return first


def main():
    """Print the outcomes of the tests that are named."""
    warnings.simplefilter("ignore")
    cases = suite(any("pool" in name for name in sys.argv[1:]))
    for name in sys.argv[1:]:
        print(json.dumps([name]), flush=True)
        if os.environ.get("EIE_DIES_AT") == name:  # for a test of what runs this
            os.abort()
        print(json.dumps([name, *outcome(cases[name])]), flush=True)


if __name__ == "__main__":
    main()
