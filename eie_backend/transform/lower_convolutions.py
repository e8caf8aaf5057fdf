"""`LowerConvolutions`: a matrix-vector product per output position, or Winograd's algorithm."""

from __future__ import annotations

from collections.abc import Callable, Container
from itertools import count

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax, te
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm.relax.utils import gen_call_tir_inputs
from tvm.tirx import PrimFunc

from eie_backend.machine.choices import WinogradMode
from eie_backend.names.find import product_name
from eie_backend.transform import winograd
from eie_backend.transform.attributes import Origin, attributes, with_attributes
from eie_backend.transform.constraints import why_not
from eie_backend.transform.convolution import (
    Convolution,
    channel_values,
    channels_last,
    is_convolution,
)
from eie_backend.transform.convolution_constraints import CONVOLUTION_CONSTRAINTS
from eie_backend.transform.epilogues import applied
from eie_backend.transform.im2col import im2col
from eie_backend.transform.layers import is_call, layer_bindings
from eie_backend.transform.module_pass import ModulePass
from eie_backend.transform.transposed import TransposedConvolution, convolution

CLEANING = [
    relax.transform.CanonicalizeBindings(),
    relax.transform.DeadCodeElimination(),
]


@tvm.transform.module_pass(opt_level=0, name="eie.LowerConvolutions")
class LowerConvolutions(ModulePass):
    """Turn convolutions with constant weights into matmuls with one row per output position.

    Before -> after::

        conv1 = R.nn.conv2d(x, W)  ->  conv1_NHWC = R.permute_dims(x, [0, 2, 3, 1])
        lv = R.add(conv1, b)           conv1_im2col = R.call_tir(im2col, (conv1_NHWC,))
        lv1 = R.nn.relu(lv)            conv1_rows = R.reshape(conv1_im2col, (N, OH, OW, K))
                                       conv1 = R.matmul(conv1_rows, W')  # N OH OW O
                                       lv = R.add(conv1, b')
                                       lv1 = R.nn.relu(lv)
                                       lv1_NCHW = R.permute_dims(lv1, [0, 3, 1, 2])

    1. A convolution matches if every constraint of `convolution_constraints` holds: any stride,
       padding, dilation and groups, in one to three dimensions.
    2. The matmul, the bias and the epilogue take the names of the model's operations. W' is
       (K, O) with K = KH * KW * C; with groups it is block diagonal, and its zeros cost the
       machine nothing.
    3. A 1x1 kernel with stride 1 and no padding needs no im2col.
    4. A bias per channel and an epilogue move before the permutation, where `Partition` finds
       them; the next convolution reads the channels where they are.
    5. With Winograd's algorithm (`eie_backend.transform.winograd`; the module's attribute
       ``eie.winograd``: auto, always or never) there are 16 matmuls NAME_w0 ... NAME_w15.
    6. The module's attribute ``eie.convolutions`` notes name and groups by matmul.
    7. All else is left alone.
    8. A transposed convolution is one of its input with zeros between its values
       (`eie_backend.transform.transposed`), computed directly.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module without convolutions that the machine can run.

        Raises
        ------
        ModelError
            If the module's attributes have an unknown value.
        """
        noted = attributes(mod)
        lower = _Lower(mod, noted.winograd, noted.on_host)
        for gvar, function in mod.functions_items():
            if isinstance(function, relax.Function):
                lower.builder_.update_func(gvar, lower.visit_expr(function))
        if not lower.origins:
            return mod
        lowered = tvm.transform.Sequential(CLEANING)(lower.builder_.finalize())
        kept = IRModule(dict(lowered.functions_items()), attrs=mod.attrs)
        # 6.
        return with_attributes(kept, convolutions={**noted.convolutions, **lower.origins})


@mutator
class _Lower(PyExprMutator):
    def __init__(self, mod: IRModule, mode: WinogradMode, on_host: Container[str]) -> None:
        super().__init__(mod)
        self.mode, self.on_host = mode, on_host
        self.taken = {binding.var.name for binding, _ in layer_bindings(mod)}
        self.origins: dict[str, Origin] = {}
        self.last: dict[relax.Var, tuple[relax.Var, str]] = {}
        """For a permuted result: the result with channels last, and the layout it has now."""

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        value = binding.value
        if is_convolution(value):
            name = binding.var.name
            layer = convolution(name, value, name in self.on_host)
            # 1.
            if why_not(layer, CONVOLUTION_CONSTRAINTS) is None:
                return self._finish(binding.var, self._convolution(layer), layer.out_layout)
        elif applied(value) is not None:  # 4.
            if found := self._last_of(value.args[0]):
                call = relax.Call(value.op, [found[0], *value.args[1:]], value.attrs)
                return self._finish(binding.var, self._bind(call, binding.var.name), found[1])
        elif is_call(value, "relax.add"):  # 4.
            for x, constant in (value.args, reversed(value.args)):
                if found := self._last_of(x):
                    result, layout = found
                    channels, axis = int(result.ty.shape.values[-1]), layout.index("C")
                    bias = channel_values(constant, channels, axis, len(layout))
                    if bias is not None:
                        total = relax.op.add(result, relax.const(bias))
                        named = self._bind(total, binding.var.name)
                        return self._finish(binding.var, named, layout)
        super().visit_var_binding_(binding)  # 7.
        return None

    def _last_of(self, value: relax.Expr) -> tuple[relax.Var, str] | None:
        return self.last.get(self.visit_expr(value)) if isinstance(value, relax.Var) else None

    def _convolution(self, layer: Convolution) -> relax.Var:
        """Emit a convolution; return its result with channels last."""
        x = self._permuted(layer)
        if isinstance(layer, TransposedConvolution):
            x = layer.spread(self._emit, x)  # 8.
        elif winograd.use_winograd(layer, self.mode):
            return self._winograd(layer, x)  # 5.
        batch = int(x.ty.shape.values[0])
        inputs = int(np.prod(layer.weights.shape[:-1]))
        # 3.
        if any(size > 1 for size in (*layer.kernel, *layer.strides)) or np.any(layer.padding):
            columns = self._kernel(lambda xs: im2col(xs[0], layer), [x], layer.name, "im2col")
            rows = relax.op.reshape(columns, (batch, *layer.positions, inputs))
            x = self._emit(rows, f"{layer.name}_rows")
        # 2.
        return self._matmul(layer, x, layer.weights.reshape(inputs, -1), layer.name)

    def _permuted(self, layer: Convolution) -> relax.Expr:
        """Return the input of a convolution with channels last."""
        source = layer.call.args[0]
        found = self._last_of(source)
        # 4.
        if found and found[1] == layer.data_layout:
            return found[0]
        wanted = channels_last(layer.data_layout)
        value = relaid(self.visit_expr(source), layer.data_layout, wanted)
        return self._emit(value, f"{layer.name}_{wanted}")

    def _winograd(self, layer: Convolution, x: relax.Expr) -> relax.Var:
        values = self._kernel(
            lambda xs: winograd.transform_input(xs[0], layer),
            [x],
            layer.name,
            "winograd_input",
            winograd.rolled,
        )
        # 5.
        stem = next(
            stem
            for stem in (f"{layer.name}{'_' * n}" for n in count())
            if not any(product_name(stem, k) in self.taken for k in range(winograd.TILE**2))
        )
        self.taken |= {product_name(stem, k) for k in range(winograd.TILE**2)}
        products = [
            self._matmul(layer, self._emit(tile, f"{name}_input"), u, name)
            for k, u in enumerate(winograd.transform_weights(layer))
            for name, tile in [(product_name(stem, k), relax.TupleGetItem(values, k))]
        ]
        return self._kernel(
            lambda m: winograd.transform_output(m, layer),
            products,
            layer.name,
            "winograd_output",
            winograd.rolled,
        )

    def _matmul(
        self, layer: Convolution, x: relax.Expr, weights: NDArray[np.float32], name: str
    ) -> relax.Var:
        # 6.
        self.origins[name] = Origin(layer.name, layer.groups)
        product = relax.op.matmul(x, relax.const(np.ascontiguousarray(weights)))
        return self._bind(product, name)

    def _finish(self, old: relax.Var, result: relax.Var, layout: str) -> None:
        """Let `old` be the result in `layout`, and remember the one with channels last."""
        new = type(old)(f"{old.name}_{layout}", old.ty)
        value = self.builder_.normalize(relaid(result, channels_last(layout), layout))
        self.builder_.emit_normalized(relax.VarBinding(new, value))
        self.set_var_remap(old, new)
        self.last[new] = result, layout

    def _kernel(
        self,
        compute: Callable[[list[te.Tensor]], object],
        operands: list[relax.Expr],
        layer: str,
        kernel: str,
        scheduled: Callable[[PrimFunc], PrimFunc] = lambda function: function,
    ) -> relax.Var:
        function, args, kind = gen_call_tir_inputs(compute, operands)
        called = self.builder_.add_func(scheduled(function), kernel)
        return self._emit(relax.call_tir(called, args, kind), f"{layer}_{kernel}")

    def _emit(self, value: relax.Expr, name: str) -> relax.Var:
        emitted: relax.Var = self.builder_.emit(value, name)
        return emitted

    def _bind(self, value: relax.Expr, name: str) -> relax.Var:
        """Emit `value` under exactly this name."""
        normal = self.builder_.normalize(value)
        kind = relax.DataflowVar if self.builder_.current_block_is_dataflow() else relax.Var
        var: relax.Var = kind(name, normal.ty)
        self.builder_.emit_normalized(relax.VarBinding(var, normal))
        return var


def relaid(value: relax.Expr, layout: str, wanted: str) -> relax.Expr:
    """Return `value`, whose axes are in the order of `layout`, with its axes as `wanted`."""
    order = [layout.index(axis) for axis in wanted]
    return value if layout == wanted else relax.op.permute_dims(value, order)
