"""TVM's ONNX importer, with results bound to variables that have the names of their nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, ValueInfoProto
from onnx.helper import get_attribute_value
from tvm import IRModule, relax
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm.relax.frontend.onnx.onnx_frontend import ONNXGraphImporter, _get_convert_map

from eie_backend.errors import ModelError
from eie_backend.frontend.blame import blaming
from eie_backend.frontend.converters import CONVERTERS, MICROSOFT, is_imported
from eie_backend.frontend.graph.inference import reads
from eie_backend.frontend.onnx_node import Node
from eie_backend.frontend.onnx_node_checks import faults
from eie_backend.frontend.onnx_operators import (
    OnnxOperator,
    onnx_operators,
    plain_domain,
    qualified,
)
from eie_backend.frontend.onnx_types import check_types
from eie_backend.frontend.onnx_validity import validity_faults
from eie_backend.names.onnx_graph import NamedNode, label, named_nodes, text_of
from eie_backend.transform.layers import map_functions

LISTS = (AttributeProto.INTS, AttributeProto.FLOATS, AttributeProto.STRINGS)
"""Attributes of which TVM's importer takes none that are empty."""

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
LAYERS = ("matmul", *CONVOLUTIONS, *(f"{one}_transpose" for one in CONVOLUTIONS))


def import_onnx(
    proto: ModelProto,
    names: Sequence[NamedNode] | None = None,
    operators: Mapping[str, OnnxOperator] | None = None,
) -> IRModule:
    """Return the model as Relax with constant weights.

    Parameters
    ----------
    proto : ModelProto
        The model, whose nodes get their names.
    names : sequence of NamedNode, optional
        These, if they are known.
    operators : mapping of str to OnnxOperator, optional
        What `registered_operators` returned, if it was called.

    Raises
    ------
    ModelError
        If there are operators that neither TVM's importer nor a registered converter knows, or a
        converter fails.
    Exception
        Whatever else TVM's importer raises.
    """
    names = named_nodes(proto.graph) if names is None else names
    for node, named in zip(proto.graph.node, names, strict=True):
        node.name = named.name
    for node in _nodes(proto.graph):
        node.name = label(node)  # those in branches are named here
    operators = registered_operators(proto) if operators is None else operators
    check_operators(proto, operators)
    _drop_unread(proto.graph)
    check_validity(proto, operators, computed=True)
    for node in _nodes(proto.graph):
        if node.domain == MICROSOFT and node.op_type not in operators:
            node.op_type = qualified(MICROSOFT, node.op_type)
    importer = _NamingImporter([named.name for named in names], operators, _declared(proto.graph))
    conditions = [node.name for node in proto.graph.node if node.op_type == "If"]
    imported = importer.from_onnx(proto.graph, _opsets(proto)[""])
    check_types(proto, importer.values, operators)
    mod = _name_results(imported, conditions)
    _check_outputs(mod, [value.name for value in proto.graph.output])
    return mod


def _check_outputs(mod: IRModule, names: Sequence[str]) -> None:
    """Demand tensors; of a tensor's shape, TVM makes a value that is none."""
    kind = mod["main"].body.ty
    kinds = kind.fields if isinstance(kind, relax.TupleType) else [kind]
    wrong = [
        f"output {name!r} is no tensor but a shape, or the like ({type(one).__name__})"
        for name, one in zip(names, kinds, strict=False)
        if not isinstance(one, relax.TensorType)
    ]
    if wrong:
        raise ModelError(f"{'; '.join(wrong)}; leave it out of the model's outputs")


def _drop_unread(graph: GraphProto) -> None:
    """Leave out initializers that nothing reads, in place: of any type, folded ones, too."""
    read = {value.name for value in graph.output}
    read.update(name for node in graph.node for name in reads(node))
    unread = {tensor.name for tensor in graph.initializer} - read
    if unread:
        fresh = GraphProto()
        fresh.initializer.extend(one for one in graph.initializer if one.name not in unread)
        fresh.input.extend(one for one in graph.input if one.name not in unread)
        del graph.initializer[:], graph.input[:]
        graph.initializer.extend(fresh.initializer)
        graph.input.extend(fresh.input)


def check_validity(proto: ModelProto, operators: Collection[str], computed: bool = False) -> None:
    """Raise `ModelError` if ONNX's checker or its shape inference refuses the model."""
    if found := validity_faults(proto, operators, computed):
        raise ModelError(f"{'; '.join(found)}; export it again")


def registered_operators(proto: ModelProto) -> dict[str, OnnxOperator]:
    """Return what is registered for a model's operators, by the type that their nodes then have.

    TVM's importer reads no domain: in place, the type of a node with a registered operator of
    another domain becomes ``domain::Name``.
    """
    taken: dict[str, OnnxOperator] = {}
    opsets = _opsets(proto)
    for node in _nodes(proto.graph):
        if reached := [one for one in _of_name(node) if _reaches(one, opsets)]:
            node.op_type = reached[-1].qualified
            taken[node.op_type] = reached[-1]
    return taken


def check_operators(proto: ModelProto, operators: Collection[str]) -> None:
    """Raise `ModelError` with all operators that nothing converts."""
    unknown, opsets = dict[str, str](), _opsets(proto)
    for node in _nodes(proto.graph):
        domain, name = plain_domain(text_of(node.domain)), text_of(node.op_type)
        if name not in operators and not is_imported(domain, name):
            version = opsets.get(domain, float("inf"))
            called, told = qualified(domain, name), f"node {label(node)!r}"
            if since := [one.since_version for one in _of_name(node)]:
                called, told = f"{called} {version}", f"registered since {since[0]}, {told}"
            unknown.setdefault(called, told)
    if unknown:
        said = ", ".join(f"{called} ({told})" for called, told in unknown.items())
        raise ModelError(
            f"TVM's ONNX importer does not have {said}; export the model with other "
            "operators, or register a converter for each: eie_backend.register_onnx_operator"
        )


def _opsets(proto: ModelProto) -> dict[str, int]:
    found = {plain_domain(opset.domain): opset.version for opset in proto.opset_import}
    return {"": 1, **found}


def _of_name(node: NodeProto) -> list[OnnxOperator]:
    wanted = plain_domain(text_of(node.domain)), text_of(node.op_type)
    return [one for one in onnx_operators() if (one.domain, one.name) == wanted]


def _reaches(operator: OnnxOperator, opsets: Mapping[str, int]) -> bool:
    return operator.since_version <= opsets.get(operator.domain, float("inf"))


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Yield the nodes of a graph and of the branches of its conditions."""
    for node in graph.node:
        yield node
        if node.op_type == "If":
            for attribute in node.attribute:
                yield from _nodes(attribute.g)


def _declared(graph: GraphProto) -> dict[str, list[ValueInfoProto | None]]:
    """Return what the graph says of its nodes' results, by node: only its outputs are declared."""
    outputs = {value.name: value for value in graph.output}
    return {node.name: [outputs.get(name) for name in node.output] for node in graph.node}


def _name_results(mod: IRModule, conditions: Sequence[str]) -> IRModule:
    """Give a result that only repeats a variable that variable's name, which folding would drop.

    `conditions` are the names of the graph's If nodes, in order: TVM's importer gives them others.
    """
    return map_functions(mod, _Rename(mod, conditions).visit_expr)


@mutator
class _Rename(PyExprMutator):
    def __init__(self, mod: IRModule, conditions: Sequence[str]) -> None:
        super().__init__(mod)
        self.conditions = [*conditions]
        self.in_branch = False

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        old, value = binding.var, binding.value
        if isinstance(value, relax.If) and self.conditions and not self.in_branch:
            new = type(old)(self.conditions.pop(0), old.ty)
            self.in_branch = True
            self.builder_.emit_normalized(relax.VarBinding(new, self.visit_expr(value)))
            self.in_branch = False
            self.set_var_remap(old, new)
            return
        if not isinstance(value, relax.Var):
            super().visit_var_binding_(binding)
            return
        new = type(old)(value.name, old.ty)
        self.builder_.emit_normalized(relax.VarBinding(new, self.visit_expr(value)))
        self.set_var_remap(old, new)


class _NamingImporter(ONNXGraphImporter):
    """Bind what a node becomes to variables of the node's name.

    Before -> after, for a ``Gemm`` named ``fc1``::

        lv = R.matmul(x, w)  ->  fc1 = R.matmul(x, w)
        lv1 = R.add(lv, b)       fc1_add = R.add(fc1, b)

    1. The node's own name goes to its matmul or convolution, else to its result.
    2. Its other operations are named after the node and the operator.
    3. Of names that become equal, those of other operations are numbered, and no node's own.
    4. A node whose result is no tensor expression is left alone.
    5. So are the nodes inside the branches of an ``If``.

    `operators` are the registered ones by type of node; `declared` the graph's types by node.
    """

    def __init__(
        self,
        names: Collection[str],
        operators: Mapping[str, OnnxOperator],
        declared: Mapping[str, Sequence[ValueInfoProto | None]],
    ) -> None:
        super().__init__({}, "float32")
        self.in_branch = False
        self.taken = {*names}
        self.operators, self.declared = operators, declared

    @property
    def values(self) -> Mapping[str, relax.Expr]:
        """What each value of the graph became, by its name there."""
        values: Mapping[str, relax.Expr] = self._nodes
        return values

    def _check_for_unsupported_ops(self, graph: GraphProto) -> None:
        """Do nothing: `check_operators` has looked, with the registered operators in view."""

    def _parse_attr(self, attributes: Sequence[AttributeProto]) -> dict[str, Any]:
        empty = {a.name: () for a in attributes if a.type in LISTS and not get_attribute_value(a)}
        found = super()._parse_attr([a for a in attributes if a.name not in empty])
        return {**found, **empty}

    def _convert_operator(
        self, op_name: str, inputs: list[relax.Expr], attrs: dict[str, Any], opset: int
    ) -> relax.Expr:
        name = attrs["tvm_custom"]["name"]
        remedy = (
            f"export it with other operators, or register a converter of {op_name}: "
            "eie_backend.register_onnx_operator"
        )
        with blaming(name, op_name, inputs, remedy):
            result = self._converted(op_name, inputs, attrs, opset)
            wanted = attrs["tvm_custom"]["num_outputs"]
            made = _results(result)
            if made < wanted:
                raise ModelError(
                    f"node {name!r} ({op_name}): the model reads {wanted} results of it, TVM's "
                    f"converter makes {made}; export it without the others, or register a "
                    f"converter of {op_name}: eie_backend.register_onnx_operator"
                )
        return result

    def _converted(
        self, op_name: str, inputs: list[relax.Expr], attrs: dict[str, Any], opset: int
    ) -> relax.Expr:
        name = attrs["tvm_custom"]["name"]
        if own := self.operators.get(op_name):
            with own.blamed(name):
                result = self._named(own.converted(self.bb, inputs, attrs), name)
                results = [None] * attrs["tvm_custom"]["num_outputs"]
                own.check(result, results if self.in_branch else self.declared[name])
            return result
        if found := faults(op_name, inputs, attrs):
            raise ModelError(f"node {name!r} ({op_name}): {'; '.join(found)}; export it again")
        if op_name in CONVERTERS:
            custom = attrs["tvm_custom"]
            node = Node(op_name, inputs, attrs, opset, custom["num_outputs"], self.bb)
            with _blamed(name, op_name):
                result = CONVERTERS[op_name](node)
                if result is not None:
                    fields = result if isinstance(result, tuple) else (result,)
                    return self._named(fields[0] if len(fields) == 1 else relax.Tuple(fields), name)
        converter = _get_convert_map()[op_name.rpartition("::")[2]].get_converter(opset)
        return self._named(converter(self.bb, inputs, attrs, [self._nodes, self._params]), name)

    def _named(self, value: Any, name: str) -> Any:
        """Return what a node became, normalised, and bound under its name unless in a branch."""
        if self.in_branch or not name or not isinstance(value, relax.Call):
            return self.bb.normalize(value) if isinstance(value, relax.Expr) else value
        nested = _calls(value)
        owner = next((call for call in nested if _operator(call) in LAYERS), value)
        bound: dict[relax.Expr, relax.Expr] = {}
        for call in nested:
            args = [bound.get(arg, arg) for arg in call.args]
            flat = self.bb.normalize(relax.Call(call.op, args, call.attrs, call.ty_args))
            if isinstance(flat.ty, relax.TensorType):
                flat = self._bind(
                    flat, name if call.same_as(owner) else self._unique(f"{name}_{_operator(call)}")
                )
            bound[call] = flat
        return bound[value]

    def _bind(self, value: relax.Expr, name: str) -> relax.Var:
        """Emit a normalised value under exactly this name."""
        kind = relax.DataflowVar if self.bb.current_block_is_dataflow() else relax.Var
        var: relax.Var = kind(name, value.ty)
        self.bb.emit_normalized(relax.VarBinding(var, value))
        return var

    def _unique(self, name: str) -> str:
        number, candidate = 1, name
        while candidate in self.taken:
            number, candidate = number + 1, f"{name}_{number}"
        self.taken.add(candidate)
        return candidate

    def _convert_subgraph(self, bb: relax.BlockBuilder, graph: Any) -> relax.Expr:
        outer, self.in_branch = self.in_branch, True
        try:
            return super()._convert_subgraph(bb, graph)
        finally:
            self.in_branch = outer


@contextmanager
def _blamed(node: str, operator: str) -> Iterator[None]:
    try:
        yield
    except ModelError as error:
        raise ModelError(f"node {node!r} ({operator}): {error}; export it again") from error


def _results(value: Any) -> int:
    """Return how many results a node has become; of a sequence, it is one."""
    whole: Any = value if isinstance(value, relax.Tuple) else getattr(value, "ty", None)
    fields = whole.fields if isinstance(whole, (relax.Tuple, relax.TupleType)) else ()
    return max(len(fields), 1)


def _calls(value: relax.Call) -> list[relax.Call]:
    """Return `value` and the calls that are nested in it, once each, the innermost first."""
    found: dict[relax.Call, None] = {}

    def visit(call: relax.Call) -> None:
        for arg in call.args:
            if isinstance(arg, relax.Call) and arg not in found:
                visit(arg)
        found[call] = None

    visit(value)
    return list(found)


def _operator(call: relax.Call) -> str:
    return str(getattr(call.op, "name", "call")).rpartition(".")[2]
