"""`HostConvolution`: convolve by NumPy when a module runs on the host for measurements."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir import StringImm
from tvm.ir.transform import PassContext
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.layers import is_call, map_functions
from eie_backend.transform.module_pass import ModulePass

FUNCTION = "eie.host_convolution"
LAYOUTS = {
    "relax.nn.conv1d": ("NCW", "OIW"),
    "relax.nn.conv2d": ("NCHW", "OIHW"),
    "relax.nn.conv3d": ("NCDHW", "OIDHW"),
}
FLOATS = ("float32", "float64")


def convolve(
    x: NDArray[Any],
    weights: NDArray[Any],
    strides: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
) -> NDArray[Any]:
    """Return a convolution of any rank.

    Parameters
    ----------
    x : (samples, channels, ...) array
    weights : (outputs, channels / groups, ...) array
    strides, dilation : one integer for each axis
    padding : integers before all axes, then those after them
    groups : number of groups of channels
    """
    axes = len(strides)
    around = [(0, 0), (0, 0), *zip(padding[:axes], padding[axes:], strict=True)]
    padded = np.pad(x, around)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, weights.shape[2:], strict=True)]
    extents = [
        (size - window) // stride + 1
        for size, window, stride in zip(padded.shape[2:], reach, strides, strict=True)
    ]
    samples, outputs = len(x), len(weights)
    grouped = padded.reshape(samples, groups, -1, *padded.shape[2:])
    taps = weights.reshape(groups, outputs // groups, *weights.shape[1:])
    total = np.zeros((samples, groups, outputs // groups, int(np.prod(extents))), x.dtype)
    for tap in product(*map(range, weights.shape[2:])):
        places = tuple(
            slice(at * d, at * d + (extent - 1) * stride + 1, stride)
            for at, d, extent, stride in zip(tap, dilation, extents, strides, strict=True)
        )
        seen = grouped[(slice(None),) * 3 + places].reshape(*grouped.shape[:3], -1)
        total += taps[(slice(None),) * 3 + tap] @ seen
    return total.reshape(samples, outputs, *extents)


def _packed(x: Any, weights: Any, attributes: str) -> Any:
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are results, as in TVM
        return tvm.runtime.tensor(
            convolve(np.from_dlpack(x), np.from_dlpack(weights), **json.loads(attributes))
        )


tvm_ffi.register_global_func(FUNCTION, _packed, override=True)


@tvm.transform.module_pass(opt_level=0, name="eie.HostConvolution")
class HostConvolution(ModulePass):
    """Call NumPy for every convolution, which takes no time to compile.

    Before -> after::

        c = R.nn.conv2d(x, W)  ->  c = R.call_pure_packed("eie.host_convolution", x, W, "...")

    1. Values are float32 or float64, in ONNX's and PyTorch's layouts; others are left alone.
    2. The result runs only in this process.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with calls of NumPy."""
        return map_functions(mod, _Replace(mod).visit_expr)


@mutator
class _Replace(PyExprMutator):
    def visit_call_(self, call: relax.Call) -> relax.Expr:
        visited = super().visit_call_(call)
        layouts = next((pair for name, pair in LAYOUTS.items() if is_call(visited, name)), None)
        # 1.
        if layouts is None or str(call.ty.dtype) not in FLOATS:
            return visited
        attrs = visited.attrs
        if (attrs.data_layout, attrs.kernel_layout, attrs.out_layout) != (*layouts, layouts[0]):
            return visited
        fields = ("strides", "padding", "dilation")
        found = {name: [int(one) for one in getattr(attrs, name)] for name in fields}
        text = StringImm(json.dumps({**found, "groups": int(attrs.groups)}))
        return relax.call_pure_packed(FUNCTION, *visited.args, text, ty_args=[call.ty])
