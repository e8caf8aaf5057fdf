"""An Einsum with constant weights is a layer, where it is a product of matrices: as in NumPy."""

import numpy as np
import pytest
from by_runtime import imported, one_node
from onnx import helper

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.frontend.graph.einsum_layers import as_product

RNG = np.random.default_rng(0)
LABELS = "abcdefgh"


def of(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def model(equation, operands, constants=(1,), **kinds):
    return one_node("Einsum", operands, constants, equation=equation, **kinds)


def layers(proto):
    mod = eie.from_onnx(proto, verify=False)
    return [(row.name, row.runs_on) for row in eie.explain(mod) if row.is_layer]


def assert_as_numpy(equation, operands, constants=(1,)):
    proto, feeds = model(equation, operands, constants)
    (found,) = imported(proto, feeds)
    wanted = np.einsum(equation, *operands)
    assert found.shape == wanted.shape, equation
    np.testing.assert_allclose(found, wanted, 1e-4, 1e-4, err_msg=equation)
    return proto


# Accepted


@pytest.mark.parametrize(
    ("equation", "data", "weights"),
    [
        ("ij,jk->ik", (3, 4), (4, 5)),
        ("ij,jk", (3, 4), (4, 5)),
        ("ij,kj->ik", (3, 4), (5, 4)),
        ("ij,jk->ki", (3, 4), (4, 5)),
        ("bsd,dhk->bshk", (2, 3, 4), (4, 2, 5)),
        ("bsd,dhk->bhsk", (2, 3, 4), (4, 2, 5)),
        ("bshk,hkd->bsd", (2, 3, 4, 5), (4, 5, 6)),
        ("bhsk,khd->bsd", (2, 4, 3, 5), (5, 4, 6)),
        ("...d,dk->...k", (2, 3, 4), (4, 5)),
        ("d...,dk->k...", (4, 2, 3), (4, 5)),
        ("...d,dk", (2, 3, 4), (4, 5)),
        ("j,jk->k", (4,), (4, 5)),
        ("ij,j->i", (3, 4), (4,)),
        ("i j, j k -> i k", (3, 4), (4, 5)),
        ("Aa,ak->Ak", (3, 4), (4, 5)),
    ],
)
def test_layers(equation, data, weights):
    proto = assert_as_numpy(equation, [of(*data), of(*weights)])
    assert layers(proto) == [("node", "machine")]


def test_weights_in_front():
    proto = assert_as_numpy("kj,ij->ik", [of(5, 4), of(3, 4)], [0])
    assert layers(proto) == [("node", "machine")]


def test_it_is_named_after_its_weights(make_graph):
    node = helper.make_node("Einsum", ["x", "block.fc.weight"], ["y"], "n", equation="bi,oi->bo")
    proto = make_graph([node], {"x": ("f", [2, 3])}, ["y"], **{"block.fc.weight": of(4, 3)})
    assert layers(proto) == [("block_fc", "machine")]


@pytest.mark.parametrize("as_input", [False, True])
def test_weights_that_are_read_elsewhere(make_graph, as_input, as_onnx_runtime):
    nodes = [
        helper.make_node("Einsum", ["x", "w"], ["a"], "one", equation="bi,oi->bo"),
        helper.make_node("Add", ["a", "a" if as_input else "w"], ["y"], "add"),
    ]
    proto = make_graph(nodes, {"x": ("f", [3, 3])}, ["y"], w=of(3, 3))
    if as_input:  # the default of an input
        proto.graph.input.append(helper.make_tensor_value_info("w", 1, [3, 3]))
    as_onnx_runtime(proto, {"x": of(3, 3)})


def test_on_the_machine():
    weights = RNG.integers(-7, 8, (4, 2, 5)).astype(np.float32)  # as many as the codebook has
    x = of(2, 3, 4)
    proto, _ = model("bsd,dhk->bhsk", [x, weights])
    compiled = eie.compile(eie.from_onnx(proto), arithmetic="float32", strict=True)
    (found,) = eie.run(compiled, x)
    np.testing.assert_allclose(found, np.einsum("bsd,dhk->bhsk", x, weights), 1e-4, 1e-4)


# Left alone


@pytest.mark.parametrize(
    ("equation", "data", "weights"),
    [
        ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),  # a matrix of each sample
        ("i,j->ij", (3,), (4,)),
        ("ij,ij->ij", (3, 4), (3, 4)),
        ("ij,jk->i", (3, 4), (4, 5)),
        ("ij,jk->k", (3, 4), (4, 5)),
        ("ii,ij->j", (3, 3), (3, 4)),
        ("ij,jj->i", (3, 4), (4, 4)),
        ("ij,jk->ik", (3, 1), (4, 5)),
        ("ij,jk->ik", (3, 4), (1, 5)),
    ],
)
def test_what_is_no_product_with_a_matrix(equation, data, weights):
    assert as_product(equation, [data, weights], 1) is None
    assert_as_numpy(equation, [of(*data), of(*weights)])


@pytest.mark.parametrize("constants", [(), (0, 1)])
def test_operands_that_both_vary_or_both_do_not(constants):
    proto, feeds = model("ij,jk->ik", [of(3, 4), of(4, 5)], constants)
    if constants:
        return
    (found,) = imported(proto, feeds)
    np.testing.assert_allclose(found, feeds["i0"] @ feeds["i1"], 1e-4, 1e-4)
    assert layers(proto) == []


# Any equation: right, or refused


def drawn(rng):
    """Return an equation and its operands."""
    sizes = {label: int(rng.integers(1, 5)) for label in LABELS}
    dots = rng.integers(1, 4, rng.integers(0, 3)).tolist()
    terms, operands = [], []
    for _ in range(rng.integers(1, 4)):
        term = rng.choice([*LABELS], rng.integers(1, 4), replace=rng.random() < 0.1).tolist()
        shape = [sizes[label] for label in term]
        if rng.random() < 0.35:
            at = int(rng.integers(0, len(term) + 1))
            term.insert(at, "...")
            shape[at:at] = dots
        terms.append("".join(term))
        operands.append(rng.normal(size=shape).astype(np.float32))
    equation = ",".join(terms)
    if rng.random() < 0.8:
        result = [one for one in sorted({*equation} - {*",."}) if rng.random() < 0.6]
        rng.shuffle(result)
        if "..." in equation:
            result.insert(int(rng.integers(0, len(result) + 1)), "...")
        equation += f"->{''.join(result)}"
    return equation, operands


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(4))
def test_equations(seed):
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(25):
        equation, operands = drawn(rng)
        constants = [at for at in range(1, len(operands)) if rng.random() < 0.6]
        try:
            assert_as_numpy(equation, operands, constants)
        except ModelError:
            refused += 1
    assert refused <= 3


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->il", [(3, 4), (4, 5)]),
        ("ij,jk->iik", [(3, 4), (4, 5)]),
        ("ij,jk->ik", [(3, 4), (3, 5)]),
        ("ijk,jk->ik", [(3, 4), (4, 5)]),
        ("...j,...jk->...k", [(2, 3, 4), (4, 5)]),
        ("i1,1k->ik", [(3, 4), (4, 5)]),
        ("i.j,jk->ik", [(3, 4), (4, 5)]),  # ONNX would look at it for ever
        ("....ij,jk->ik", [(3, 4), (4, 5)]),
        ("......j,jk->k", [(3, 4), (4, 5)]),
        ("i-j,jk->ik", [(3, 4), (4, 5)]),
        ("ij,jk->ik->i", [(3, 4), (4, 5)]),
    ],
)
def test_what_is_no_equation(equation, shapes):
    proto, _ = model(equation, [of(*shape) for shape in shapes])
    with pytest.raises(ModelError, match=r"Einsum|equation"):
        eie.from_onnx(proto)
