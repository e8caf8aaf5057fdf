"""Shared fixtures: golden files, data outside the checkout, small models."""

from __future__ import annotations

import difflib
import gc
import itertools
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, settings
from onnx import TensorProto, helper, numpy_helper

# It would send what tests do to its maker.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# A busy machine must not fail a test by its clock; in CI the examples are the same every time.
for name, examples in {"eie": 60, "night": 200}.items():
    settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        derandomize=bool(os.environ.get("CI")),
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("eie")

TESTS = Path(__file__).parent
SHARED = TESTS.parents[1] / "shared" / "data"
USED_GOLDENS = pytest.StashKey[set[Path]]()


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files")
    parser.addoption("--nightly", action="store_true", help="run what takes too long for a change")


def pytest_configure(config):
    config.stash[USED_GOLDENS] = set()
    # A shell's background jobs ignore Ctrl-C, and so would all that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--update-golden") and os.environ.get("CI"):
        raise pytest.UsageError("--update-golden is refused when CI is set: commit the files")
    # More examples of each property at night.
    settings.load_profile("night" if config.getoption("--nightly") else "eie")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without the garbage collector: six thousand tests stay, and every run walks them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Leave to the night all but every n-th case of a test marked `sampled(n)`."""
    cases = Counter[str]()
    for item in items:
        if mark := item.get_closest_marker("sampled"):
            test = item.nodeid.partition("[")[0]
            if cases[test] % mark.args[0]:
                item.add_marker("nightly")
            cases[test] += 1


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Skip what is for the night before its fixtures are made."""
    if item.get_closest_marker("nightly") and not item.config.getoption("--nightly"):
        pytest.skip("takes too long for every change: `make nightly` runs it")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give files to processes as ``--dist=loadfile`` does, and to one of them a whole folder.

    The tests of this folder share the runs of nine layers, which take long.
    """
    if config.option.dist != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            shared = "tests/reproduce/"
            return shared if nodeid.startswith(shared) else super()._split_scope(nodeid)

    return Scheduling(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """Take over the golden files that a process of pytest-xdist used."""
    if error is None:  # a process that crashed has sent nothing
        node.config.stash[USED_GOLDENS] |= set(map(Path, node.workeroutput["goldens"]))


def pytest_sessionfinish(session, exitstatus):
    """Fail a complete run that leaves a golden file unused."""
    if hasattr(session.config, "workeroutput"):
        used = session.config.stash[USED_GOLDENS]
        session.config.workeroutput["goldens"] = [str(path) for path in used]
        return
    option = session.config.option
    part = option.keyword or option.markexpr or option.collectonly
    if exitstatus != 0 or part or session.config.args_source.name == "ARGS":
        return
    orphans = set(TESTS.rglob("golden/*")) - session.config.stash[USED_GOLDENS]
    if orphans:
        names = ", ".join(str(path.relative_to(TESTS)) for path in sorted(orphans))
        session.config.get_terminal_writer().line(f"orphan golden files: {names}; delete them")
        session.exitstatus = 1


@pytest.fixture(scope="session", autouse=True)
def elsewhere(tmp_path_factory):
    """Run in an empty folder: from a checkout, ``python -c`` would import what is not installed."""
    # What other runs verified is not believed.
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    sys.path[:] = [path for path in sys.path if path]


VERIFIED = ("verification", "fuzz/test_verified_models.py", "frontend/test_onnx_division.py")
VERIFIED += ("frontend/test_verified_imports.py",)
"""Tests where every import is verified; at night it is in all."""


@pytest.fixture(autouse=True)
def verification(request, monkeypatch):
    """Import without verification in tests of other things: it would take a fifth of their time."""
    inside = str(request.path.relative_to(TESTS)).startswith(VERIFIED)
    if not inside and not request.config.getoption("--nightly"):
        from eie_backend.verification import verified

        monkeypatch.setattr(verified, "too_large", lambda _mod: "a test of something else")


@pytest.fixture
def golden(request):
    """Compare text with ``golden/NAME`` beside the test; ``--update-golden`` rewrites it."""

    def check(name: str, text: str) -> None:
        path = request.path.parent / "golden" / name
        request.config.stash[USED_GOLDENS].add(path)
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
            return
        expected = path.read_text("utf-8") if path.exists() else ""
        if text != expected:
            diff = difflib.unified_diff(
                expected.splitlines(True), text.splitlines(True), f"golden/{name}", "now"
            )
            command = f"pytest {request.path.relative_to(TESTS.parent)} --update-golden"
            pytest.fail(f"{''.join(diff)}\nif this is intended: {command}", pytrace=False)

    return check


def shared(path: str) -> Path:
    """Return a file of the data folder beside the checkout, or skip the test."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"{path} is not in ../shared/data beside the checkout")
    return found


@pytest.fixture(scope="session")
def alex8():
    """Alex-8, the compressed last layer of AlexNet, and one real input."""
    with np.load(shared("alex8/alex8.npz"), allow_pickle=False) as data:
        return dict(data)


@pytest.fixture(scope="session")
def mnist():
    """MNIST: x_train, y_train, x_test, y_test."""
    with np.load(shared("mnist/mnist.npz"), allow_pickle=False) as data:
        return dict(data)


def compared(model, feeds, bind=None, bind_values=None, tolerance=1e-5):
    """Import a model, compare what TVM's own code computes with ONNX Runtime, return the module."""
    import onnxruntime
    from on_llvm import on_llvm

    import eie_backend as eie

    mod = eie.from_onnx(model, bind, bind_values=bind_values)
    names = [name for name in feeds if name not in (bind_values or {})]
    given = [
        np.asarray(feeds[name]).astype(str(param.ty.dtype))
        for name, param in zip(names, mod["main"].params, strict=True)
    ]
    found = on_llvm(mod, *given)
    data = model.SerializeToString() if isinstance(model, onnx.ModelProto) else model
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    arrays = {name: np.asarray(value) for name, value in feeds.items()}
    wanted = onnxruntime.InferenceSession(data, options).run(None, arrays)
    for one, want in zip(found, wanted, strict=True):
        assert one.shape == want.shape
        np.testing.assert_allclose(one, want, rtol=tolerance, atol=tolerance)
    return mod


@pytest.fixture(scope="session")
def as_onnx_runtime():
    """Compare an imported model with ONNX Runtime; inputs are given in their order."""
    return compared


def mlp(*sizes: int, batch: int | str = 4, relu: bool = True, seed: int = 0) -> onnx.ModelProto:
    """Return an ONNX chain of Gemm layers fc1, fc2, ... with ReLU between, seeded weights."""
    rng = np.random.default_rng(seed)
    nodes, weights, value = [], [], "x"
    for number, (inputs, outputs) in enumerate(itertools.pairwise(sizes), start=1):
        matrix = rng.normal(size=(outputs, inputs)).astype(np.float32)
        vector = rng.normal(size=outputs).astype(np.float32)
        weights += [
            numpy_helper.from_array(matrix, f"fc{number}.weight"),
            numpy_helper.from_array(vector, f"fc{number}.bias"),
        ]
        last = number == len(sizes) - 1
        result = "y" if last else f"h{number}"
        operands = [value, f"fc{number}.weight", f"fc{number}.bias"]
        nodes.append(helper.make_node("Gemm", operands, [result], name=f"fc{number}", transB=1))
        value = result
        if relu and not last:
            nodes.append(helper.make_node("Relu", [value], [f"r{number}"], name=f"relu{number}"))
            value = f"r{number}"
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, sizes[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, sizes[-1]])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="session")
def make_mlp():
    """Return the function `mlp`."""
    return mlp


@pytest.fixture(scope="session")
def small_onnx(make_mlp):
    """Return an ONNX model of fc1 and fc2 whose weights have many small values among them."""
    model = make_mlp(24, 32, 10, batch=50)
    rng = np.random.default_rng(2)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        few = rng.random(values.shape) < 0.2 if values.ndim == 2 else np.float32(1)
        spread = np.where(few, values, np.float32(0.02) * values)
        tensor.CopyFrom(numpy_helper.from_array(spread, tensor.name))
    return model


@pytest.fixture(scope="session")
def small(small_onnx):
    """Return its module, 200 inputs, and labels of which it finds 95 %."""
    x = np.random.default_rng(1).normal(size=(200, 24)).astype(np.float32)
    values = {t.name: numpy_helper.to_array(t) for t in small_onnx.graph.initializer}
    hidden = np.maximum(x @ values["fc1.weight"].T + values["fc1.bias"], 0)
    labels = (hidden @ values["fc2.weight"].T + values["fc2.bias"]).argmax(axis=1)
    labels[::20] = (labels[::20] + 1) % 10
    from eie_backend import from_onnx

    return from_onnx(small_onnx), x, labels
