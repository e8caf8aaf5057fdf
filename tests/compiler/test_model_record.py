"""What a library remembers of its model: for every operator a node, for every weight a bin."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import onnx
import pytest
import tvm
from onnx import numpy_helper

import eie_backend as eie
from eie_backend import HardwareConfig, Recipe
from eie_backend.codegen.library import programs
from eie_backend.compiler.model_record import BINS, read_record, weights_before
from eie_backend.transform.layers import layers_of, weights_by_layer

LENET_5 = files("eie_backend") / "data" / "lenet_5.onnx"


@pytest.fixture(scope="module")
def lenet_5():
    return eie.from_onnx(LENET_5, {"batch": 1})


@pytest.fixture(scope="module")
def executable(lenet_5):
    return eie.compile(lenet_5, recipe=Recipe(density=0.2))


@pytest.fixture(scope="module")
def record(executable):
    return read_record(programs(executable))


def test_every_node_of_the_onnx_graph_is_there_with_its_shape(record):
    model = onnx.shape_inference.infer_shapes(onnx.load(LENET_5), data_prop=True)
    names = {node.name for node in record.nodes}
    assert {node.name for node in model.graph.node} <= names
    assert record.nodes[0].operator == "input"
    assert record.nodes[0].shape == (1, 1, 28, 28)
    shapes = {node.name: node.shape for node in record.nodes}
    assert shapes["pool1"] == (1, 20, 12, 12)
    assert shapes["output"] == (1, 10)


def test_edges_come_from_earlier_nodes_and_reach_the_result(record):
    seen = set()
    for node in record.nodes:
        assert seen.issuperset(node.inputs)
        seen.add(node.name)
    read = {name for node in record.nodes for name in node.inputs}
    assert {node.name for node in record.nodes} - read == {"output"}


def test_nodes_say_what_explain_says(record, lenet_5):
    told = [(p.name, p.operator, p.runs_on, p.layer, p.reason) for p in eie.explain(lenet_5)]
    nodes = [(n.name, n.operator, n.runs_on, n.layer, n.reason) for n in record.nodes[1:-1]]
    assert nodes == told


def test_weights_before_are_the_models(record):
    weights = {t.name: numpy_helper.to_array(t) for t in onnx.load(LENET_5).graph.initializer}
    for name, found in record.before.items():
        own = weights[f"{name}.weight"]
        assert found.limit == np.abs(own).max()
        assert sum(found.counts) + found.zeros == own.size
        edges = np.linspace(-found.limit, found.limit, BINS + 1)
        counts, _ = np.histogram(own[own != 0], edges)
        assert np.abs(np.subtract(counts, found.counts)).sum() <= 2  # rounding at an edge


def test_zeros_are_counted_apart_before_and_after(lenet_5):
    pruned = eie.compress(lenet_5, Recipe(density=0.2))
    layers = layers_of(pruned)
    for name, weights in weights_by_layer(layers).items():
        found = weights_before(layers)[name]
        edges = np.linspace(-found.limit, found.limit, BINS + 1)
        counts, _ = np.histogram(weights[weights != 0], edges)
        assert found.zeros == np.count_nonzero(weights == 0) > 0
        assert sum(found.counts) == np.count_nonzero(weights)
        assert found.counts[BINS // 2] == counts[BINS // 2]


def test_weights_after_have_the_codebook_and_the_density(record):
    assert record.after.keys() == record.before.keys()
    for name, found in record.after.items():
        before = record.before[name]
        size = sum(before.counts) + before.zeros
        assert found.limit == before.limit
        assert sum(found.counts) == sum(found.value_counts) == round(0.2 * size)
        assert found.zeros == size - round(0.2 * size)
        assert 0 < len(found.values) <= 15
        assert list(found.values) == sorted(found.values)


def test_tvms_own_entry_point_remembers_too(lenet_5):
    found = read_record(programs(tvm.compile(lenet_5, target="eie")))
    assert [node.name for node in found.nodes][:3] == ["image", "conv1", "conv1_add"]
    for name, after in found.after.items():
        assert sum(after.value_counts) == sum(found.before[name].counts)
        assert len(after.values) <= 15


def test_one_program_of_several_remembers(executable):
    found = programs(executable)
    assert len(found) == 3
    assert sum("graph" in program.manifest for program in found) == 1


def test_several_results_and_shared_inputs(make_mlp):
    model = make_mlp(6, 5, 4)
    model.graph.output.append(onnx.helper.make_tensor_value_info("r1", 1, [4, 5]))
    nodes = read_record(programs(eie.compile(eie.from_onnx(model), HardwareConfig(num_pe=2)))).nodes
    assert set(nodes[-1].inputs) == {nodes[-2].name, "relu1"}


def test_a_program_without_a_record(executable):
    bare = [replace(program, manifest={}) for program in programs(executable)]
    assert read_record(bare) is None
    elided = [replace(bare[0], manifest={"graph": "elided_01", "weights": "elided_02"})]
    assert read_record(elided) is None
