"""`refuse_undecided`: sizes and loops of an ONNX graph that are known only when it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

from eie_backend.errors import ModelError
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.evaluate import OPERATORS
from eie_backend.frontend.graph.fold_shapes import constant_of, number
from eie_backend.frontend.graph.inference import reads
from eie_backend.frontend.graph.unroll_loop import LARGEST, body_of, collects, goes_on
from eie_backend.frontend.onnx_operators import DEFAULT_DOMAINS
from eie_backend.names.onnx_graph import called

AXES = {1: "axes"}
SIZES: Mapping[str, Mapping[int, str]] = {
    "ConstantOfShape": {0: "shape"},
    "CumSum": {1: "axis"},
    "Expand": {1: "shape"},
    "OneHot": {1: "depth"},
    "Pad": {1: "pads", 3: "axes"},
    "Range": {0: "start", 1: "limit", 2: "delta"},
    "Reshape": {1: "shape"},
    "Resize": {2: "scales", 3: "sizes"},
    "Slice": {1: "starts", 2: "ends", 3: "axes", 4: "steps"},
    "Split": {1: "split"},
    "Squeeze": AXES,
    "Tile": {1: "repeats"},
    "TopK": {1: "k"},
    "Unsqueeze": AXES,
    **{f"Reduce{kind}": AXES for kind in "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum".split()},
    "ReduceSumSquare": AXES,
}
"""Inputs that decide a shape or which axes are meant, by operator."""

EARLIER = "compute it before the model"
OF_SHAPES = ("Shape", "Size")
SIZE_TYPES = (TensorProto.BOOL, TensorProto.INT32, TensorProto.INT64)
"""Types of inputs that may be a size; a float is one only if the node reads it itself."""


def refuse_undecided(proto: ModelProto, context: Context) -> list[str]:
    """Raise `ModelError` if data decide a shape or a loop; nothing is to be told.

    1. Of all nodes of `SIZES` and all loops that are left, those of which an input of the graph
       decides what must be known.
    2. If binding inputs makes it known, the message says so: they are scalars or vectors, and all
       between them and the node is folded then.
    3. Operators that somebody registered a converter of are left alone, and inner graphs.
    """
    found = _Undecided(proto, context)
    faults = [f"node {called(node)}: {why}" for node, why in (*found.sizes(), *found.loops())]
    if faults:
        raise ModelError("; ".join(faults))
    return []


class _Undecided:
    def __init__(self, proto: ModelProto, context: Context) -> None:
        graph = proto.graph
        self.nodes = [
            node
            for node in graph.node
            if node.domain in DEFAULT_DOMAINS and node.op_type not in context.foreign
        ]
        self.makers = {name: node for node in graph.node for name in node.output}
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in self.nodes:
            if node.op_type == "Constant" and (value := constant_of(node)) is not None:
                self.constants[node.output[0]] = value
        known = context.weights | self.constants.keys()
        self.inputs = {value.name: value for value in graph.input if value.name not in known}

    def sizes(self) -> Iterator[tuple[NodeProto, str]]:
        for node in self.nodes:
            for at, what in SIZES.get(node.op_type, {}).items():
                name = node.input[at] if at < len(node.input) else ""
                if why := self._decided(name, f"its {what}"):
                    yield node, why
                    break

    def loops(self) -> Iterator[tuple[NodeProto, str]]:
        for node in self.nodes:
            if node.op_type == "Loop":
                yield node, self._kept(node)

    def _kept(self, node: NodeProto) -> str:
        """Return why a ``Loop`` is not unrolled."""
        count, begins = [*node.input, "", ""][:2]
        if not count:
            return "it has no trip count; give it one"
        trips = number(self.constants, count)
        if trips is None:
            return self._decided(count, "its trip count") or f"its trip count is unknown; {EARLIER}"
        if begins and number(self.constants, begins) is None:
            return self._decided(begins, "whether it runs") or f"it may not run; {EARLIER}"
        if not goes_on(body_of(node)):
            return "its body decides when it ends; give it a fixed number of trips"
        if collects(node) and (trips < 1 or number(self.constants, begins) == 0):
            return "it runs 0 times, so what it collects has no shape; leave that out"
        return f"its {trips} trips are more than {LARGEST} nodes, with all loops; reduce them"

    def _decided(self, name: str, what: str) -> str:
        """Return who decides a value, and what to do; nothing if no input does."""
        sources, folded = self._sources(name)
        if not sources:
            return ""
        inputs = [self.inputs[one] for one in sorted(sources)]
        if not folded or not all(one.name == name or _may_be_a_size(one) for one in inputs):
            return f"data decide {what}; {EARLIER}"
        said = ", ".join(repr(one.name) for one in inputs)
        options = " ".join(f"--bind-value {one.name}=..." for one in inputs)
        values = ", ".join(f"{one.name!r}: ..." for one in inputs)
        each = f"input {said} decides" if len(inputs) == 1 else f"inputs {said} decide"
        return f"{each} {what}; bind the input: {options} (Python: bind_values={{{values}}})"

    def _sources(self, name: str) -> tuple[set[str], bool]:
        """Return the inputs that a value depends on, and whether it is known once they are."""
        found, folded, seen, queue = set(), True, {name}, [name]
        while queue:
            one = queue.pop()
            if one in self.inputs:
                found.add(one)
            elif (maker := self.makers.get(one)) is not None and maker.op_type not in OF_SHAPES:
                folded = folded and maker.op_type in OPERATORS
                fresh = {*reads(maker)} - seen
                seen |= fresh
                queue += fresh
        return found, folded


def _may_be_a_size(value: ValueInfoProto) -> bool:
    kind = value.type.tensor_type
    return kind.elem_type in SIZE_TYPES and len(kind.shape.dim) <= 1
