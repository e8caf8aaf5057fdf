"""`spell_out_einsums`: an Einsum of data and one matrix is a product, which may be a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.facts import Facts, replace
from eie_backend.frontend.graph.inference import FREE_CONSTANTS
from eie_backend.frontend.graph.old_operators import attribute
from eie_backend.frontend.onnx_operators import DEFAULT_DOMAINS

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Product:
    """An equation of two terms as a product of matrices.

    Attributes
    ----------
    data, weights, result : tuple of str
        The labels of the terms' axes, and of the result's.
    kept, summed, made : tuple of str
        Labels of the data alone, of both, and of the weights alone.
    """

    data: Labels
    weights: Labels
    result: Labels
    kept: Labels
    summed: Labels
    made: Labels


def spell_out_einsums(proto: ModelProto, context: Context) -> list[str]:
    """Replace sums over products with constant weights, in place; nothing is to be told of it.

    Before -> after, for constant ``w`` of shape (4, 2, 3)::

        y = Einsum(x, w), equation="bsd,dhk->bhsk"
            ->  p = MatMul(x, Reshape(w, [4, 6]))
                y = Transpose(Reshape(p, [b, s, 2, 3]), perm=[0, 2, 1, 3])

    1. One of two operands, in float32, is constant, and the shapes of both are known.
    2. Each axis is of the data alone, or of the weights alone, and then of the result; or of both,
       and then not. So no axis is repeated, and none is broadcast.
    3. Axes of an ellipsis are the data's.
    4. Weights that nothing else reads keep their name, which is the layer's.
    """
    found = [
        node
        for node in proto.graph.node
        if node.op_type == "Einsum"
        and node.domain in DEFAULT_DOMAINS
        and node.op_type not in context.foreign
        and len(node.input) == 2
    ]
    if not found:
        return []
    facts = _Einsums(proto)
    weights = context.weights | facts.constants.keys()
    made = {node.output[0]: nodes for node in found if (nodes := facts.spelled(node, weights))}
    replace(proto.graph, made)
    rest = GraphProto()
    rest.initializer.extend(one for one in proto.graph.initializer if one.name not in facts.gone)
    proto.graph.ClearField("initializer")
    proto.graph.initializer.extend([*rest.initializer, *facts.tensors])
    proto.ir_version = max(proto.ir_version, FREE_CONSTANTS)
    return []


class _Einsums(Facts):
    """The facts, and the initializers that are made and that go."""

    def __init__(self, proto: ModelProto) -> None:
        super().__init__(proto)
        self.tensors: list[TensorProto] = []
        self.gone: set[str] = set()

    def spelled(self, node: NodeProto, constant: AbstractSet[str]) -> list[NodeProto]:
        """Return the nodes that make what a node makes, none if it stays."""
        shapes = [self.shape(name) for name in node.input]
        kinds = {self.kind(name) for name in node.input}
        fixed = [name in constant for name in node.input]
        if None in shapes or kinds != {TensorProto.FLOAT} or sum(fixed) != 1:  # 1.
            return []
        at = fixed.index(True)
        equation = attribute(node, "equation", b"").decode("utf-8", "replace")
        product = as_product(equation, [shape or () for shape in shapes], at)
        if product is None:
            return []
        sizes = dict(zip(product.data, shapes[1 - at] or (), strict=True))
        sizes |= zip(product.weights, shapes[at] or (), strict=True)
        return [*self._nodes(node, product, sizes, at)]

    def _nodes(
        self, node: NodeProto, product: Product, sizes: Mapping[str, int], at: int
    ) -> Iterator[NodeProto]:
        result = node.output[0]
        kept, summed, made = (
            [sizes[one] for one in labels]
            for labels in (product.kept, product.summed, product.made)
        )
        data = _Chain(self, node.input[1 - at], f"{result}.data")
        data.transpose(product.data, product.kept + product.summed)
        data.reshape([*kept, *summed], [*(kept or [1]), prod(summed)])
        yield from data.nodes
        chain = _Chain(self, node.input[at], f"{result}.weights")
        chain.transpose(product.weights, product.summed + product.made)
        chain.reshape([*summed, *made], [prod(summed), prod(made)])
        if chain.nodes and node.input[at] in self.constants:
            order = [product.weights.index(one) for one in product.summed + product.made]
            weights = self._matrix(node.input[at], order, [prod(summed), prod(made)])
        else:
            weights = chain.name
            yield from chain.nodes
        matmul = self.fresh(f"{result}.product")
        done = _Chain(self, matmul, result)
        done.reshape([*(kept or [1]), prod(made)], [*kept, *made])
        done.transpose(product.kept + product.made, product.result)
        last = helper.make_node("MatMul", [data.name, weights], [matmul], node.name)
        rest = done.nodes or [last]
        rest[-1].output[0] = result
        yield last
        yield from done.nodes

    def _matrix(self, name: str, order: list[int], shape: list[int]) -> str:
        """Return the name of an initializer with a constant's values as a matrix."""
        values = self.values(name).transpose(order).reshape(shape)
        elsewhere = self.results | self.inputs | self.makers.keys()
        if len(self.readers[name]) == 1 and name not in elsewhere:
            self.gone.add(name)  # 4.
        else:
            name = self.fresh(name)
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


class _Chain:
    """Nodes that bring a value into another form, one after the other; none where it has it."""

    def __init__(self, facts: _Einsums, name: str, wanted: str) -> None:
        self.facts, self.name, self.wanted = facts, name, wanted
        self.nodes: list[NodeProto] = []

    def transpose(self, before: Labels, after: Labels) -> None:
        """Bring the axes in another order."""
        if before != after:
            self._add("Transpose", perm=[before.index(one) for one in after])

    def reshape(self, before: list[int], after: list[int]) -> None:
        """Join or part axes."""
        if before != after:
            shape = self.facts.fresh(f"{self.wanted}.shape")
            self.facts.tensors.append(numpy_helper.from_array(np.array(after, np.int64), shape))
            self._add("Reshape", shape)

    def _add(self, operator: str, *others: str, **attributes: Any) -> None:
        result = self.facts.fresh(f"{self.wanted}.{operator.lower()}")
        inputs = [self.name, *others]
        self.nodes.append(helper.make_node(operator, inputs, [result], result, **attributes))
        self.name = result


def as_product(equation: str, shapes: Sequence[tuple[int, ...]], at: int) -> Product | None:
    """Return an equation of two terms as a product with term `at`, None if it is none."""
    terms, arrow, result = equation.replace(" ", "").partition("->")
    parts = terms.split(",")
    if len(parts) != 2 or any(part.count("...") > 1 for part in (*parts, result)):
        return None
    if "..." in parts[at] and len(parts[at]) - 3 != len(shapes[at]):  # 3.
        return None
    dots = len(shapes[1 - at]) - len(parts[1 - at].replace("...", ""))
    own = tuple(f".{number}" for number in range(dots if "..." in parts[1 - at] else 0))
    data, weights = _labels(parts[1 - at], own), _labels(parts[at], ())
    if not arrow:
        once = sorted(one for one in {*terms} - {*",."} if terms.count(one) == 1)
        result = f"...{''.join(once)}"
    made = _labels(result, own)
    sets = [{*data}, {*weights}, {*made}]
    sizes = [len(shapes[1 - at]), len(shapes[at]), len(made)]
    unique = [*map(len, sets)] == [len(data), len(weights), len(made)] == sizes
    if not unique or sets[2] != sets[0] ^ sets[1] or not sets[0] & sets[1]:  # 2.
        return None
    summed = tuple(one for one in weights if one in sets[0])
    if any(shapes[1 - at][data.index(one)] != shapes[at][weights.index(one)] for one in summed):
        return None
    kept = tuple(one for one in data if one not in sets[1])
    return Product(
        data, weights, made, kept, summed, tuple(one for one in weights if one not in sets[0])
    )


def _labels(term: str, dots: Labels) -> Labels:
    before, ellipsis, after = term.partition("...")
    return (*before, *(dots if ellipsis else ()), *after)
