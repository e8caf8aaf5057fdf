"""`fold_shapes`: what a graph computes of shapes and constants is a constant, before the import."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from math import prod

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, helper, numpy_helper

from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.evaluate import OPERATORS, evaluated, is_small, type_of
from eie_backend.frontend.graph.inference import (
    ALIKE,
    FREE_CONSTANTS,
    alike,
    inferred,
    reads,
    static_shape,
)
from eie_backend.frontend.graph.inline import Inlined, Inliner
from eie_backend.frontend.graph.inline_if import branch_of
from eie_backend.frontend.graph.unroll_loop import LARGEST, nodes_of_a_trip, unrolled
from eie_backend.frontend.onnx_operators import DEFAULT_DOMAINS

BUDGET = 1 << 21
"""Elements of all folded values together."""


def fold_shapes(proto: ModelProto, context: Context) -> list[str]:
    """Replace what is known by its value, in place; nothing is to be told of it.

    Before -> after, for a tensor ``a`` of shape (2, 3, 4, 4)::

        s = Shape(a); n = Gather(s, 0); t = Concat(n, -1); f = Reshape(a, t)  ->  f = Reshape(a, t)

    where ``t`` becomes an initializer, (2, -1).

    1. ``Shape`` and ``Size`` are folded if ONNX's shape inference, node by node, knows the shape.
    2. A node of `OPERATORS` is folded if its operands are constants, and they and its results have
       at most `ELEMENTS` elements; all results together have at most `BUDGET`. Sizes are looked at
       before anything is computed.
    3. An ``If`` whose condition is a constant becomes the nodes of the branch that it takes, and a
       ``Loop`` whose trip count is one becomes those of its body, as `unrolled` says.
    4. What was only read by folded nodes is dropped; what nobody read before stays.
    5. A result of the graph becomes a ``Constant`` under the name of its node.
    6. Nodes of other domains and of `foreign` operators, which ONNX does not know, are left alone;
       so is what depends on them.
    """
    _Fold(proto, context).run()
    proto.ir_version = max(proto.ir_version, FREE_CONSTANTS)
    return []


class _Fold:
    """One walk over a graph in its order; each node is looked at once."""

    def __init__(self, proto: ModelProto, context: Context) -> None:
        self.graph: GraphProto = proto.graph
        self.foreign = context.foreign
        self.opset = max(
            (o.version for o in proto.opset_import if o.domain in DEFAULT_DOMAINS), default=1
        )
        self.types: dict[str, TypeProto] = {v.name: v.type for v in self.graph.input}
        self.constants: dict[str, TensorProto] = {}
        self.folded: dict[str, NodeProto] = {}
        self.inliner = Inliner(self.graph)
        self.left, self.nodes_left = BUDGET, LARGEST
        for tensor in self.graph.initializer:
            self._note(tensor)

    def run(self) -> None:
        before = Counter(name for node in self.graph.node for name in reads(node))
        outputs = {value.name for value in self.graph.output}
        queue, kept = deque(self.graph.node), []
        while queue:
            node = queue.popleft()
            if (found := self._inlined(node)) is not None:  # 3.
                for tensor in found.tensors:
                    self.graph.initializer.append(tensor)
                    self._note(tensor)
                before.update(name for one in found.nodes for name in reads(one))
                queue.extendleft(reversed(found.nodes))
                continue
            results = self._results(node)
            if results is None:
                kept.append(node)
                self._infer(node)
                continue
            for name, tensor in results.items():
                tensor.name = name
                self._note(tensor)
                self.left -= prod(tensor.dims)
                self.folded[name] = node
                if name in outputs:  # 5.
                    value = helper.make_node("Constant", [], [name], node.name, value=tensor)
                    kept.append(value)
        self._replace(self._live(kept, before, outputs))

    def _inlined(self, node: NodeProto) -> Inlined | None:
        """Return what takes the place of an ``If`` or a ``Loop``, None if it stays."""
        if node.domain not in DEFAULT_DOMAINS or node.op_type not in ("If", "Loop"):
            return None
        first = number(self.constants, next(iter(node.input), ""))
        if first is None:
            return None
        if node.op_type == "If":
            return branch_of(node, bool(first), self.inliner)
        begins = number(self.constants, node.input[1]) if any(node.input[1:2]) else 1
        if len(node.input) < 2 or begins is None:
            return None
        trips = max(first, 0) * begins
        found = unrolled(node, trips, self.inliner, self.opset, self.nodes_left)
        self.nodes_left -= trips * nodes_of_a_trip(node) if found else 0
        return found

    def _results(self, node: NodeProto) -> dict[str, TensorProto] | None:
        """Return the constants that a node makes, None if it stays."""
        if node.domain not in DEFAULT_DOMAINS or node.op_type in self.foreign or self.left < 0:
            return None
        # 1.
        if node.op_type in ("Shape", "Size"):
            shape = static_shape(self.types.get(next(iter(node.input), "")))
            if shape is None:
                return None
            value = np.asarray(shape, np.int64)
            if node.op_type == "Size":
                return {node.output[0]: numpy_helper.from_array(np.asarray(prod(shape), np.int64))}
            ends = {attribute.name: attribute.i for attribute in node.attribute}
            part = value[ends.get("start", 0) : ends.get("end", len(shape))]
            return {node.output[0]: numpy_helper.from_array(part)}
        # 2.
        if node.op_type not in OPERATORS or not all(
            name in self.constants for name in node.input if name
        ):
            return None
        return evaluated(node, self.constants, self.opset)

    def _infer(self, node: NodeProto) -> None:
        if (node.domain, node.op_type) in ALIKE:
            node = alike(node)
        if node.domain not in DEFAULT_DOMAINS or node.op_type in self.foreign:  # 6.
            return
        if node.op_type == "Constant":
            value = constant_of(node)
            if value is not None:
                self.types[node.output[0]] = type_of(value)
                if is_small(value):
                    kept = TensorProto()
                    kept.CopyFrom(value)
                    kept.name = node.output[0]
                    self._note(kept)
                return
        self.types.update(inferred(node, self.types, self.constants, self.opset))

    def _note(self, tensor: TensorProto) -> None:
        self.types[tensor.name] = type_of(tensor)
        if is_small(tensor):
            self.constants[tensor.name] = tensor

    def _live(
        self, kept: list[NodeProto], before: Counter[str], outputs: set[str]
    ) -> list[NodeProto]:
        """Return the nodes that something reads, or that nothing read before."""
        needed, live = set(outputs), []
        for node in reversed(kept):
            if any(name in needed or not before[name] for name in filter(None, node.output)):
                needed.update(reads(node))
                live.append(node)
        return live[::-1]

    def _replace(self, nodes: list[NodeProto]) -> None:
        made = {name for node in nodes for name in node.output}
        wanted = dict.fromkeys(name for node in nodes for name in reads(node))
        self.graph.initializer.extend(
            self.constants[name] for name in wanted if name in self.folded and name not in made
        )
        fresh = GraphProto()
        fresh.node.extend(nodes)
        del self.graph.node[:]
        self.graph.node.extend(fresh.node)


def number(constants: Mapping[str, TensorProto], name: str) -> int | None:
    """Return the one integer, or truth, that a constant is, None of others."""
    given = constants.get(name)
    kinds = (TensorProto.BOOL, TensorProto.INT64)
    if given is None or given.data_type not in kinds or prod(given.dims) != 1:
        return None
    return int(numpy_helper.to_array(given).reshape(-1)[0])


def constant_of(node: NodeProto) -> TensorProto | None:
    """Return the value of a ``Constant``, None of one that is no dense tensor of numbers."""
    for attribute in node.attribute:
        if attribute.name == "value":
            tensor: TensorProto = attribute.t
            return tensor
        if attribute.name in ("value_int", "value_ints"):
            ints = attribute.i if attribute.name == "value_int" else attribute.ints
            return numpy_helper.from_array(np.asarray(ints, np.int64))
        if attribute.name in ("value_float", "value_floats"):
            floats = attribute.f if attribute.name == "value_float" else attribute.floats
            return numpy_helper.from_array(np.asarray(floats, np.float32))
    return None
