"""What a convolution must satisfy to become a matmul; for the machine's limits see `constraints`.

As there, a docstring with the live values is the message that users read.
"""

from __future__ import annotations

from collections.abc import Callable

from tvm.ir.expr import GenericConst

from eie_backend.transform.convolution import Convolution, channels_last, is_static


def left_to_machine(layer: Convolution) -> bool:
    """the recipe keeps it on the host"""
    return not layer.on_host


def constant_kernel(layer: Convolution) -> bool:
    """its weights are not constant; export the model with weights as initializers"""
    return isinstance(layer.call.args[1], GenericConst)


def float32_operands(layer: Convolution) -> bool:
    """its operands are {layer.dtypes}; the machine takes float32 x float32"""
    return layer.dtypes == "float32 x float32"


def plain_layouts(layer: Convolution) -> bool:
    """its layouts are {layer.data_layout}, {layer.kernel_layout} and {layer.out_layout}; the
    machine takes one letter per axis, as in NCHW, OIHW and NCHW
    """
    data, kernel = sorted(channels_last(layer.data_layout)), sorted(f"{layer.axes}IO")
    found = [layer.data_layout, layer.kernel_layout, layer.out_layout]
    return [sorted(layout) for layout in found] == [data, kernel, data]


def static_shape(layer: Convolution) -> bool:
    """its result has shape {layer.shape}; bind every dimension to a number"""
    shapes = layer.call.ty.shape, layer.call.args[0].ty.shape
    return all(shape is not None and all(map(is_static, shape.values)) for shape in shapes)


CONVOLUTION_CONSTRAINTS: tuple[Callable[[Convolution], bool], ...] = (
    left_to_machine,
    constant_kernel,
    float32_operands,
    plain_layouts,
    static_shape,
)
"""Checked in order; the first that fails is why a convolution stays on the host."""
