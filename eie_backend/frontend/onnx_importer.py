"""TVM's ONNX importer, with results bound to variables that are named after their ONNX nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from keyword import iskeyword
from typing import Any

from onnx import ModelProto
from tvm import IRModule, relax
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm.relax.frontend.onnx.onnx_frontend import ONNXGraphImporter, _get_convert_map

LAYERS = ("matmul", "conv1d", "conv2d", "conv3d")
DEFAULT_DOMAINS = ("", "ai.onnx")


def import_onnx(proto: ModelProto) -> IRModule:
    """Return the model as Relax with constant weights; raises what TVM's importer raises."""
    opset = next((o.version for o in proto.opset_import if o.domain in DEFAULT_DOMAINS), 1)
    importer = _NamingImporter({}, "float32")
    return _name_results(importer.from_onnx(proto.graph, opset))


def _name_results(mod: IRModule) -> IRModule:
    """Give a result that only repeats a variable that variable's name, which folding would drop."""

    @mutator
    class Rename(PyExprMutator):
        def visit_var_binding_(self, binding: relax.VarBinding) -> None:
            old, value = binding.var, binding.value
            if not isinstance(value, relax.Var):
                super().visit_var_binding_(binding)
                return
            new = type(old)(value.name, old.ty)
            self.builder_.emit_normalized(relax.VarBinding(new, self.visit_expr(value)))
            self.set_var_remap(old, new)

    return IRModule({"main": Rename(mod).visit_expr(mod["main"])}, attrs=mod.attrs)


class _NamingImporter(ONNXGraphImporter):
    """Bind what a node becomes to variables of the node's name.

    Before -> after, for a ``Gemm`` named ``/fc1/Gemm``::

        lv = R.matmul(x, w)  ->  fc1_Gemm = R.matmul(x, w)
        lv1 = R.add(lv, b)       fc1_Gemm_add = R.add(fc1_Gemm, b)

    1. The node's own name goes to its matmul or convolution, else to its result.
    2. Its other operations are named after the node and the operator.
    3. A node without a name, or whose result is no tensor expression, is left alone.
    4. So are the nodes inside the branches of an ``If``.
    """

    in_branch = False

    def _convert_operator(
        self, op_name: str, inputs: list[relax.Expr], attrs: dict[str, Any], opset: int
    ) -> relax.Expr:
        name = attrs["tvm_custom"]["name"]
        if not name or self.in_branch:
            return super()._convert_operator(op_name, inputs, attrs, opset)
        converter = _get_convert_map()[op_name].get_converter(opset)
        value = converter(self.bb, inputs, attrs, [self._nodes, self._params])
        if not isinstance(value, relax.Call):
            return self.bb.normalize(value) if isinstance(value, relax.Expr) else value
        layers = [call for call in _calls(value) if _operator(call) in LAYERS]
        return self._bound(value, identifier(name), layers[-1] if layers else value)

    def _bound(self, call: relax.Call, name: str, owner: relax.Call) -> relax.Expr:
        """Bind nested calls, the innermost first; `owner` gets the plain name."""
        args = [
            self._bound(arg, name, owner) if isinstance(arg, relax.Call) else arg
            for arg in call.args
        ]
        flat = self.bb.normalize(relax.Call(call.op, args, call.attrs, call.ty_args))
        if not isinstance(flat.ty, relax.TensorType):
            return flat
        return self.bb.emit(flat, name if call.same_as(owner) else f"{name}_{_operator(call)}")

    def _convert_subgraph(self, bb: relax.BlockBuilder, graph: Any) -> relax.Expr:
        outer, self.in_branch = self.in_branch, True
        try:
            return super()._convert_subgraph(bb, graph)
        finally:
            self.in_branch = outer


def _calls(value: relax.Expr) -> Iterator[relax.Call]:
    """Yield nested calls, the outermost first."""
    if isinstance(value, relax.Call):
        yield value
        for arg in value.args:
            yield from _calls(arg)


def _operator(call: relax.Call) -> str:
    return str(getattr(call.op, "name", "call")).rpartition(".")[2]


def identifier(name: str) -> str:
    """Return a node's name as a variable's name that TVMScript can parse.

    Examples
    --------
    >>> identifier("/conv1/Conv"), identifier("12")
    ('conv1_Conv', 'layer_12')
    """
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return plain if plain.isidentifier() and not iskeyword(plain) else f"layer_{plain}"
