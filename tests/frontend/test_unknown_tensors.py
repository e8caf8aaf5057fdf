"""Names of tensors that nothing makes, in a graph and in the graphs inside its nodes."""

import onnx
import pytest
from onnx import parser

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.frontend.unknown_tensors import MOST_TOLD, unknown_tensors
from eie_backend.storage.container import save_eiez

NEITHER = "which is no input, no initializer and no result of a node before"

BRANCHES = """
agraph (float[2] x, bool c) => (float[2] y)
<float[2] w = {1, 2}>
{
    y = If (c) <
        then_branch = g (float a) => (float[2] t) { h = Add (x, w) t = Add (h, a) },
        else_branch = g () => (float[2] e) { e = Mul (x, h) }
    >
}
"""


def graph(*nodes, result="y"):
    head = f"agraph (float[2] x) => (float[2] {result}) <float[2] w = {{1, 2}}>"
    return parser.parse_graph(f"{head} {{ {' '.join(nodes)} }}")


def test_what_is_known():
    assert unknown_tensors(graph("h = Add (x, w)", "y = Clip (h, , w)")) == []
    assert unknown_tensors(graph("y = Add (x, outer)"), ["outer"]) == []


def test_a_name_that_nothing_makes():
    assert unknown_tensors(graph("h1 = Add (x, wide)", "y = Add (h1, x)")) == [
        f"node 'h1' (Add) reads 'wide', {NEITHER}"
    ]
    (found,) = unknown_tensors(graph("layer = Add (x, w)", "y = Add (layr, x)"))
    assert found == f"node 'y' (Add) reads 'layr' (there is 'layer'), {NEITHER}"


def test_a_result_of_a_later_node():
    assert unknown_tensors(graph("y = Add (later, w)", "later = Add (x, w)")) == [
        f"node 'y' (Add) reads 'later', {NEITHER}"
    ]


def test_a_result_that_nothing_makes():
    assert unknown_tensors(graph("y = Add (x, w)", result="z")) == [
        f"the model returns 'z', {NEITHER}"
    ]


def test_branches_know_what_is_around_them_and_not_one_another():
    assert unknown_tensors(parser.parse_graph(BRANCHES)) == [f"node 'e' (Mul) reads 'h', {NEITHER}"]


def test_many():
    found = unknown_tensors(
        graph(*(f"t{n} = Add (x, none{n})" for n in range(99)), "y = Add (x, w)")
    )
    assert len(found) == MOST_TOLD + 1
    assert found[-1] == "and more of the kind"


@pytest.mark.parametrize("packed", [False, True])
def test_models_and_containers_are_refused(packed, tmp_path, make_mlp):
    model = make_mlp(4, 3)
    model.graph.node[-1].input[-1] += "x"
    path = tmp_path / ("mlp.eiez" if packed else "mlp.onnx")
    save_eiez(path, model) if packed else onnx.save(model, path)
    with pytest.raises(ModelError) as error:
        eie.from_onnx(path)
    name = model.graph.node[-1].input[-1]
    assert f" reads {name!r} (there is {name[:-1]!r}), {NEITHER}; export it" in str(error.value)
