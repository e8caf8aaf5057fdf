"""NaN and infinity: what the machine makes of them (docs/concepts.md), and that users learn of it.

The oracle is arithmetic by hand: the weights are [[2, 0, -1], [0, 1, 1]], so of three outputs the
first and the last have a weight of the input that is no number, and the second has none.
"""

import warnings
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.errors import InputError, SaturationWarning
from eie_backend.profiler.evaluation import Library, Shard, evaluate
from eie_backend.relay import build
from eie_backend.search.evaluator import Evaluator
from eie_backend.simulator.runner import Runner
from eie_backend.soft_errors import Campaign

NAN, INF = np.nan, np.inf
WEIGHTS = np.array([[2, 0, -1], [0, 1, 1]], np.float32)
ENGINES = ("functional", "event", "clock")
HIGH, LOW = 8, -8
"""The format of inputs after calibration with 4; outputs have twice that."""


def network(activation=None):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"], "fc")]
    if activation:
        nodes.append(helper.make_node(activation, ["h"], ["y"]))
    nodes[-1].output[0] = "y"
    ends = (("x", [1, 2]), ("y", [1, 3]))
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in ends
    )
    weights = [numpy_helper.from_array(WEIGHTS, "w")]
    graph = helper.make_graph(nodes, "network", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def compiled(arithmetic="int16", activation=None):
    return eie.compile(
        eie.from_onnx(network(activation)),
        eie.HardwareConfig(num_pe=2),
        arithmetic=arithmetic,
        calibration=np.full((1, 2), 4, np.float32),
    )


def on_all_engines(library, sample):
    """Return outputs and input saturations of a sample, and how many inputs were broadcast."""
    x = np.array([sample], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", eie.NotFiniteWarning)
        reports = [eie.profile(library, x, engine) for engine in ENGINES]
    first, *others = reports
    for other in others:
        np.testing.assert_array_equal(first.outputs[0], other.outputs[0])
        assert first.saturations == other.saturations
    assert [layer.name for layer in first.layers] == ["fc"]
    return (
        first.outputs[0][0].tolist(),
        first.saturations["input_saturations"],
        reports[1].layers[0].counters["broadcasts"],
    )


@pytest.mark.filterwarnings("ignore::eie_backend.errors.SaturationWarning")  # of 1e30
@pytest.mark.parametrize("arithmetic", ["int16", "int8", "int32"])
def test_fixed_point_takes_nan_as_zero_and_clamps_infinity(arithmetic):
    """All of it is counted as saturated inputs; a zero is not broadcast."""
    library = compiled(arithmetic)
    assert on_all_engines(library, [NAN, 1]) == ([0, 1, 1], 1, 1)
    assert on_all_engines(library, [NAN, NAN]) == ([0, 0, 0], 2, 0)
    for value, limit in ((INF, HIGH), (1e30, HIGH), (-INF, LOW), (-1e30, LOW)):
        outputs, saturated, broadcasts = on_all_engines(library, [value, 1])
        step = {"int8": 2**-3, "int16": 2**-10, "int32": 2**-26}[arithmetic]
        expected = [2 * limit, 1, 1 - limit]
        np.testing.assert_allclose(outputs, expected, atol=2 * step)
        assert (saturated, broadcasts) == (1, 2)
    outputs, saturated, _ = on_all_engines(library, [INF, INF])
    assert (outputs[2], saturated) == (0, 2)  # -8 + 8, not NaN


@pytest.mark.parametrize(
    ("activation", "above", "below"),
    [(None, INF, -INF), ("Relu", INF, 0), ("LeakyRelu", INF, -INF)],
)
def test_float32_keeps_them_where_there_is_a_weight(activation, above, below):
    """Nothing saturates, epilogues keep a NaN, and a pruned weight passes nothing on."""
    library = compiled("float32", activation)
    np.testing.assert_equal(on_all_engines(library, [NAN, 1]), ([NAN, 1, NAN], 0, 2))
    np.testing.assert_equal(on_all_engines(library, [INF, 1]), ([above, 1, below], 0, 2))
    np.testing.assert_equal(on_all_engines(library, [-INF, 1]), ([below, 1, above], 0, 2))
    np.testing.assert_equal(on_all_engines(library, [INF, INF]), ([INF, INF, NAN], 0, 2))


def test_onnx_runtime_takes_a_weight_of_zero_for_one():
    """There, 0 times NaN is NaN: the one value in which float32 differs from it."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(network().SerializeToString())
    (found,) = session.run(None, {"x": np.array([[NAN, 1]], np.float32)})
    np.testing.assert_equal(found, [[NAN, NAN, NAN]])


def test_the_page_says_so():
    page = (Path(__file__).parents[2] / "docs" / "concepts.md").read_text("utf-8")
    section = page.partition("## NaN and infinity\n")[2].partition("\n## ")[0]
    for words in (
        "| `int16`, `int8`, `int32` | 0, which is not broadcast |",
        "the highest or lowest value of the format",
        "counted as saturated inputs",
        "| `float32` | stays NaN |",
        "a weight that was pruned passes nothing on",
    ):
        assert words in " ".join(section.split())


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "network.so"
    eie.export_library(compiled(), path)
    return path


BAD = np.array([[NAN, 1], [2, 3], [INF, NAN]], np.float32)
TOLD = "input x: 2 NaN and 1 infinite of 6 values; correct the data"
PATHS = {
    "run": lambda path: eie.run(path, BAD),
    "profile": lambda path: eie.profile(path, BAD),
    "Runner": lambda path: Runner(path).calls(BAD),
    "trace": lambda path: eie.trace(path, BAD),
    "evaluate": lambda path: evaluate(
        Library(path.read_bytes()),
        [Shard({"x": BAD[:2]}, None), Shard({"x": BAD[2:]}, None)],
        scheduler="processes",
        workers=1,
    ),
    "faults": lambda path: Campaign(Runner(path), BAD),
    "search": lambda path: Evaluator(eie.from_onnx(network()), BAD, np.zeros(3, int)),
    "relay": lambda path: graph_module(path).set_input("x", BAD),
    "relay, by keyword": lambda path: graph_module(path).run(x=BAD[:1]),
}


def graph_module(path):
    import tvm

    factory = build(eie.from_onnx(network()), target="eie")
    from eie_backend.relay.graph_executor import GraphModule

    return GraphModule(factory["default"](tvm.cpu()))


@pytest.mark.parametrize("name", PATHS)
def test_every_path_tells_of_them_once(name, library):
    told = TOLD if name != "relay, by keyword" else "input x: 1 NaN of 2 values"
    with pytest.warns(eie.NotFiniteWarning, match=told) as caught:
        PATHS[name](library)
    assert [one.filename for one in caught] == [__file__]


STRICT = {
    "run": lambda path, data: eie.run(path, data, strict_inputs=True),
    "profile": lambda path, data: eie.profile(path, data, strict_inputs=True),
    "Runner": lambda path, data: Runner(path).calls(data, strict_inputs=True),
    "trace": lambda path, data: eie.trace(path, data, strict_inputs=True),
    "evaluate": lambda path, data: evaluate(
        Library(path.read_bytes()),
        [Shard({"x": data}, None)],
        scheduler="threads",
        strict_inputs=True,
    ),
}


@pytest.mark.parametrize("name", STRICT)
def test_strict_inputs_are_finite(name, library):
    with pytest.raises(InputError, match=TOLD):
        STRICT[name](library, BAD)
    STRICT[name](library, BAD[1:2])


@pytest.mark.parametrize("name", ["run", "search", "relay"])
def test_a_user_may_make_it_an_error(name, library):
    """Pytest's own filter, "error", is lifted by nothing in the package."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", eie.NotFiniteWarning)
        with pytest.raises(eie.NotFiniteWarning, match="input x"):
            PATHS[name](library)


def test_reports_keep_the_counts(library):
    with pytest.warns(eie.NotFiniteWarning):
        report = eie.profile(library, BAD)
    assert report.to_dict()["not_finite"] == [{"input": "x", "nan": 2, "infinite": 1, "values": 6}]
    with pytest.warns(eie.NotFiniteWarning):
        found = PATHS["evaluate"](library)
    assert found.report.to_dict() == report.to_dict()
    assert eie.profile(library, BAD[1:2]).not_finite == {}


def test_the_report_page_says_it(library):
    from eie_backend.report import page

    with pytest.warns(eie.NotFiniteWarning):
        report = eie.profile(library, BAD)
    said = "Not all that came in is a number: input x: 2 NaN and 1 infinite of 6 values."
    assert said in page(report)


def test_samples_that_reach_no_layer_may_be_infinite():
    """A mask of -inf is told of, and calibrates; a NaN before a layer does not."""
    model = network()
    model.graph.output[0].name = "masked"
    mask = helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 3])
    model.graph.input.append(mask)
    model.graph.node.append(helper.make_node("Add", ["y", "mask"], ["masked"]))
    module = eie.from_onnx(model)
    good, infinite = np.ones((1, 2), np.float32), np.full((1, 3), -INF, np.float32)
    with pytest.warns(eie.NotFiniteWarning, match="input mask: 3 infinite of 3 values"):
        library = eie.compile(module, calibration={"x": good, "mask": infinite})
    with pytest.warns(eie.NotFiniteWarning, match="input mask"):
        (found,) = eie.run(library, {"x": good, "mask": infinite})
    assert (found == -INF).all()
    with pytest.raises(eie.EieError, match="calibrate: fc: NaN or infinite activations"):
        eie.compile(module, calibration={"x": good * NAN, "mask": infinite})


def test_what_the_host_computes_enters_the_next_program_alike():
    """The square root of -1, between two layers: no input, but it is told and counted."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "fc1"),
        helper.make_node("Sqrt", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "v"], ["y"], "fc2"),
    ]
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2])] for name in "xy"
    )
    weights = [
        numpy_helper.from_array(np.eye(2, dtype=np.float32) * scale, name)
        for name, scale in (("w", 1), ("v", 2))
    ]
    graph = helper.make_graph(nodes, "network", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    samples = np.full((1, 2), 4, np.float32)
    for arithmetic, expected in (("int16", [0, 2]), ("float32", [NAN, 2])):
        library = eie.compile(eie.from_onnx(model), arithmetic=arithmetic, calibration=samples)
        x = np.array([[-1, 1]], np.float32)
        if arithmetic == "int16":
            with pytest.warns(SaturationWarning, match=r"fc2: 1 inputs \(4 values written\); com"):
                report = eie.profile(library, x)
        else:
            report = eie.profile(library, x)
        np.testing.assert_equal(report.outputs[0], [expected])
        saturations = [layer.counters["input_saturations"] for layer in report.layers]
        assert saturations == ([0, 1] if arithmetic == "int16" else [0, 0])


def test_tvms_own_machine_computes_the_same_and_tells_nobody():
    import tvm

    library, x = compiled(), np.array([[NAN, 1]], np.float32)
    machine = tvm.relax.VirtualMachine(library.jit(), tvm.cpu())
    np.testing.assert_equal(machine["main"](tvm.runtime.tensor(x)).numpy(), [[0, 1, 1]])
