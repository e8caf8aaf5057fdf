"""`Convolution`: a convolution call's sizes, and its weights expanded from groups in one layout."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tvm import relax
from tvm.ir.expr import GenericConst
from tvm.tirx import IntImm

OPERATORS = tuple(f"relax.nn.conv{n}d" for n in (1, 2, 3))
TRANSPOSED = tuple(f"{operator}_transpose" for operator in OPERATORS)
AXES = "DHW"
"""Spatial axes, in the order of strides, paddings and dilations."""


def is_convolution(value: relax.Expr) -> bool:
    """Return whether `value` is a call of a convolution, transposed or not."""
    name = getattr(getattr(value, "op", None), "name", "")
    return name in OPERATORS or name in TRANSPOSED


def channels_last(layout: str) -> str:
    """Return the layout with channels last, which the machine's vectors need: NHWC for NCHW."""
    return f"N{''.join(axis for axis in AXES if axis in layout)}C"


@dataclass(frozen=True, eq=False)
class Convolution:
    """A call of ``R.nn.conv1d``, ``conv2d`` or ``conv3d``, with properties that messages quote.

    `on_host` says whether a recipe keeps it there.
    """

    name: str
    call: relax.Call
    on_host: bool = False

    @property
    def operator(self) -> str:
        """Name of the operator."""
        return str(self.call.op.name)

    @property
    def data_layout(self) -> str:
        """Order of the input's axes, such as NCHW."""
        return str(self.call.attrs.data_layout)

    @property
    def out_layout(self) -> str:
        """Order of the result's axes."""
        return str(self.call.attrs.out_layout) or self.data_layout

    @property
    def kernel_layout(self) -> str:
        """Order of the weights' axes, such as OIHW."""
        return str(self.call.attrs.kernel_layout)

    @property
    def dtypes(self) -> str:
        """Dtypes of input and weights."""
        return " x ".join(str(arg.ty.dtype) for arg in self.call.args)

    @property
    def shape(self) -> str:
        """Shape of the result, dynamic dimensions by name."""
        shape = self.call.ty.shape
        if shape is None:
            return "unknown"
        return f"({', '.join(str(int(d)) if is_static(d) else str(d) for d in shape.values)})"

    @property
    def axes(self) -> str:
        """Letters of the spatial axes."""
        return channels_last(self.data_layout)[1:-1]

    @property
    def groups(self) -> int:
        """Number of channel groups, which are convolved independently."""
        return int(self.call.attrs.groups)

    @property
    def kernel(self) -> tuple[int, ...]:
        """Extents of the kernel."""
        shape = self.call.args[1].ty.shape.values
        return tuple(int(shape[self.kernel_layout.index(axis)]) for axis in self.axes)

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides of the kernel."""
        return tuple(map(int, self.call.attrs.strides))

    @property
    def dilation(self) -> tuple[int, ...]:
        """Distances between the kernel's taps."""
        return tuple(map(int, self.call.attrs.dilation))

    @property
    def padding(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Zeros before and after the input."""
        pads = tuple(map(int, self.call.attrs.padding))
        return pads[: len(self.axes)], pads[len(self.axes) :]

    @property
    def positions(self) -> tuple[int, ...]:
        """Spatial extents of the result."""
        shape = self.call.ty.shape.values
        return tuple(int(shape[self.out_layout.index(axis)]) for axis in self.axes)

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """Weights (kernel..., inputs, outputs) float32, zero between channels of two groups."""
        order = [self.kernel_layout.index(axis) for axis in f"{self.axes}IO"]
        plain = self.call.args[1].value.numpy().transpose(order)
        *kernel, inputs, outputs = plain.shape
        each = (*kernel, inputs, self.groups, outputs // self.groups)
        blocks = np.zeros((*kernel, self.groups, *each[-3:]), np.float32)
        group = np.arange(self.groups)
        blocks[..., group, :, group, :] = np.moveaxis(plain.reshape(each), -2, 0)
        return blocks.reshape(*kernel, self.groups * inputs, outputs)


def channel_values(
    operand: relax.Expr, channels: int, axis: int, rank: int
) -> NDArray[np.float32] | None:
    """Return the per-channel constant (channels,) float32 of `operand`, or None if it is not one.

    `operand` is an element-wise operand of a tensor with `rank` axes and channels at `axis`.
    """
    if not isinstance(operand, GenericConst) or str(operand.value.dtype) != "float32":
        return None
    shape = [channels if at == axis else 1 for at in range(rank)]
    values: NDArray[np.float32] = operand.value.numpy()
    if values.ndim > rank:
        return None
    padded = values.reshape([1] * (rank - values.ndim) + list(values.shape))
    if any(have not in (1, want) for have, want in zip(padded.shape, shape, strict=True)):
        return None
    return np.ascontiguousarray(np.broadcast_to(padded, shape).reshape(channels))


def is_static(extent: object) -> bool:
    """Return whether an extent is a number."""
    return isinstance(extent, (int, IntImm))
