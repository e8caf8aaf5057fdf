"""`LowerToTIR`: turn the layers of ``eie`` functions into TIR kernels."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from itertools import chain, count
from math import prod

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir.expr import GenericConst
from tvm.ir.transform import PassContext

from eie_backend.epilogues import NONE
from eie_backend.machine.epilogue import Applied
from eie_backend.schedules.kernel import DenseShape, dense_kernel
from eie_backend.transform.attributes import LAYER
from eie_backend.transform.epilogues import applied, with_epilogue
from eie_backend.transform.layers import constant_array, is_matmul
from eie_backend.transform.module_pass import ModulePass
from eie_backend.transform.partition import is_eie_function


@dataclass(frozen=True, eq=False)
class CompositeLayer:
    """A layer in a composite function.

    `weights` is the constant (inputs, outputs) float32, `bias` (outputs,) float32 or None; `batch`
    counts the samples, all leading dimensions together.
    """

    name: str
    weights: GenericConst
    bias: NDArray[np.float32] | None
    epilogue: Applied
    batch: int

    @property
    def shape(self) -> DenseShape:
        """The kernel's sizes and epilogue."""
        inputs, outputs = map(int, self.weights.value.shape)
        return DenseShape(self.batch, outputs, inputs, self.bias is not None, self.epilogue)


def composite_layer(function: relax.Function) -> CompositeLayer:
    """Read the one layer of a composite function."""
    bindings = [binding for block in function.body.blocks for binding in block.bindings]
    matmul = next(binding for binding in bindings if is_matmul(binding.value))
    bias = next(
        (
            constant_array(operand).reshape(-1)
            for binding in bindings
            if binding.value.op.name == "relax.add"
            for operand in binding.value.args
            if isinstance(operand, GenericConst)
        ),
        None,
    )
    epilogue = next(filter(None, (applied(binding.value) for binding in bindings)), NONE)
    # 2.
    batch = prod(int(extent) for extent in list(matmul.value.ty.shape.values)[:-1])
    name = str(function.attrs[LAYER])
    return CompositeLayer(name, matmul.value.args[1], bias, epilogue, batch)


@tvm.transform.module_pass(opt_level=0, name="eie.LowerToTIR")
class LowerToTIR(ModulePass):
    """Replace each composite call in an ``eie`` function by a call of a kernel.

    Before -> after::

        lv = composite(x)  ->  fc1 = R.call_tir(fc1_kernel, (x, w, b), (batch, outputs))

    1. The kernel is named after its layer and uses the layer's own constant without a copy.
    2. Leading dimensions become one batch; a reshape appears only where the shape changes.
    3. Functions without ``Codegen: "eie"`` are left alone.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with kernels."""
        functions = dict(mod.functions_items())
        taken = {gvar.name_hint for gvar in functions}
        for gvar, function in mod.functions_items():
            # 3.
            if is_eie_function(function):
                lowered = lower(gvar.name_hint, function, taken)
                functions[gvar] = lowered[gvar.name_hint]
                kernels = {g: f for g, f in lowered.functions_items() if is_kernel(f)}
                functions |= kernels
                taken |= {kernel.name_hint for kernel in kernels}
        return IRModule(functions, attrs=mod.attrs)


def is_kernel(function: object) -> bool:
    """Return whether `function` is the kernel of a layer."""
    return isinstance(function, tvm.tirx.PrimFunc) and LAYER in function.attrs


def lower(name: str, function: relax.Function, taken: Container[str] = ()) -> IRModule:
    """Return one ``eie`` function and its kernels as a module; no kernel has a name in `taken`."""
    builder = relax.BlockBuilder()
    params = [relax.Var(param.name, param.ty) for param in function.params]
    values: dict[relax.Var, relax.Expr] = dict(zip(function.params, params, strict=True))
    with builder.function(name, params, attrs=dict(function.attrs.items())):
        with builder.dataflow():
            for binding in (b for block in function.body.blocks for b in block.bindings):
                if isinstance(binding.value, relax.Function):
                    values[binding.var] = binding.value
                else:
                    composite = values[binding.value.op]
                    source = values[binding.value.args[0]]
                    values[binding.var] = _emit_kernel(builder, composite, source, taken)
            result = function.body.body
            if isinstance(result, relax.Tuple):
                outputs = relax.Tuple([values[field] for field in result.fields])
            else:
                outputs = values[result]
            outputs = builder.emit_output(outputs)
        builder.emit_func_output(outputs)
    return builder.get()


def _emit_kernel(
    builder: relax.BlockBuilder,
    composite: relax.Function,
    source: relax.Expr,
    taken: Container[str],
) -> relax.Var:
    layer = composite_layer(composite)
    # 1.
    stem = f"{layer.name}_kernel"
    # A layer whose uses differ in bias, epilogue or batch has kernels in several functions.
    name = next(n for n in chain([stem], (f"{stem}_{k}" for k in count(2))) if n not in taken)
    kernel = dense_kernel(name, layer.shape)
    kernel = with_epilogue(kernel.with_attr(LAYER, layer.name), layer.epilogue)
    gvar = builder.add_func(kernel, name)
    # 1. 2.
    operands = [_reshape(builder, source, [layer.batch, layer.shape.inputs]), layer.weights]
    operands += [] if layer.bias is None else [relax.const(layer.bias)]
    result_type = relax.TensorType((layer.batch, layer.shape.outputs), "float32")
    result = builder.emit(relax.call_tir(gvar, operands, result_type), layer.name)
    return _reshape(builder, result, [int(extent) for extent in composite.ret_ty.shape.values])


def _reshape(builder: relax.BlockBuilder, value: relax.Expr, shape: list[int]) -> relax.Expr:
    # 2.
    if [int(extent) for extent in value.ty.shape.values] == shape:
        return value
    return builder.emit(relax.op.reshape(value, shape))
