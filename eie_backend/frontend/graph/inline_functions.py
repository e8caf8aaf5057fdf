"""`inline_functions`: a node that nothing converts becomes what ONNX says that it is made of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import onnx
from onnx import ModelProto, TensorProto
from onnx.inliner import inline_selected_functions

from eie_backend.errors import is_out_of_memory
from eie_backend.frontend.converters import is_imported
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.onnx_operators import plain_domain

Identifier = tuple[str, str]
"""A domain and an operator of it."""

DEEPEST = 8
"""Bodies have nodes with bodies, of which some depend on types."""


def inline_functions(proto: ModelProto, context: Context) -> list[str]:
    """Replace nodes by the bodies of their operators, in place; nothing is to be told of it.

    Before -> after::

        y = Celu(x)  ->  a = Constant(1.0); d = Div(x, a); e = Elu(d); y = Mul(a, e)

    1. So are the model's own functions.
    2. So are nodes of ONNX's domains with a body, unless TVM's importer or a converter of this
       package has the operator, or somebody registered a converter.
    3. A body that depends on the types of the inputs takes those of ONNX's shape inference.
    4. A node stays if its body has an operator that nobody has: it is the one to be refused.
    """
    kept: set[Identifier] = set()
    own = {(function.domain, function.name) for function in proto.functions}
    try:
        for _ in range(DEEPEST):
            of_onnx = {(node.domain, node.op_type) for node in proto.graph.node} - kept
            wanted = own or {one for one in of_onnx if _has_body(*one, context)}
            if not wanted:
                break
            inlined = _inlined(proto, wanted)
            unknown = _unknown(proto, context)
            if not own and _unknown(inlined, context) - unknown:
                kept |= {
                    one for one in wanted if _unknown(_inlined(proto, [one]), context) - unknown
                }
                continue
            if not own and inlined.graph.node == proto.graph.node:
                break
            proto.CopyFrom(inlined)
            own = set()
    except Exception as error:
        # The importer refuses the node later, by its name.
        if is_out_of_memory(error):
            raise
    return []


def _inlined(proto: ModelProto, wanted: Collection[Identifier]) -> ModelProto:
    """Return a model with the bodies of these operators."""
    typed = onnx.shape_inference.infer_shapes(proto)
    # Without it, the inliner fails at an optional input that is left out.
    typed.graph.value_info.add(name="").type.tensor_type.elem_type = TensorProto.UNDEFINED
    inlined: ModelProto = inline_selected_functions(typed, sorted(wanted), False, True)
    del inlined.graph.value_info[:]
    return inlined


def _unknown(proto: ModelProto, context: Context) -> set[Identifier]:
    """Return the operators of a graph that nobody has, and that have no body."""
    found = {(plain_domain(node.domain), node.op_type) for node in proto.graph.node}
    return {
        (domain, name)
        for domain, name in found
        if name != "Loop"
        and name not in context.foreign
        and not is_imported(domain, name)
        and not _has_body(domain, name, context)
    }


def write_defaults(proto: ModelProto) -> None:
    """Give nodes the attributes that they leave out, in place, where ONNX has a body for them.

    A body refers to them, and neither ONNX's inliner nor its inference knows the defaults.
    """
    opsets = {opset.domain: opset.version for opset in proto.opset_import}
    for node in proto.graph.node:
        domain = plain_domain(node.domain)
        version = opsets.get(node.domain, opsets.get(domain, 1))
        schema = _schema(domain, node.op_type, version)
        if schema is None or not _is_function(schema):
            continue
        given = {attribute.name for attribute in node.attribute}
        for name, attribute in schema.attributes.items():
            if name not in given and attribute.default_value.name:
                node.attribute.append(attribute.default_value)


def _schema(domain: str, name: str, version: int) -> onnx.defs.OpSchema | None:
    try:
        newest = min(max(version, 1), onnx.defs.onnx_opset_version()) if not domain else version
        return onnx.defs.get_schema(name, newest, domain)
    except (onnx.defs.SchemaError, TypeError):  # text that is no UTF-8 is bytes in Python
        return None


def _is_function(schema: onnx.defs.OpSchema) -> bool:
    known: Any = schema  # its stubs leave these out
    return bool(known.has_function or known.has_context_dependent_function)


def _has_body(domain: str, name: str, context: Context) -> bool:
    if name in context.foreign or is_imported(plain_domain(domain), name):
        return False
    schema = _schema(plain_domain(domain), name, onnx.defs.onnx_opset_version())
    return schema is not None and _is_function(schema)
