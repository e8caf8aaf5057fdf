"""`TransposedConvolution`: as a plain convolution of its input, spread by zeros."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from eie_backend.transform.convolution import TRANSPOSED, Convolution


def convolution(name: str, call: relax.Call, on_host: bool = False) -> Convolution:
    """Return a convolution, transposed or not, as one that slides over its input."""
    kind = TransposedConvolution if call.op.name in TRANSPOSED else Convolution
    return kind(name, call, on_host)


@dataclass(frozen=True, eq=False)
class TransposedConvolution(Convolution):
    """A call of ``R.nn.conv1d_transpose`` or its kind, as a convolution of `spread` input.

    Between the values of the input stand as many zeros as the stride has steps left, and the kernel
    is turned around. The machine skips zeros, so each product costs what it would in a matrix of
    its own for each phase of the stride.
    """

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides of the kernel: all 1."""
        return (1,) * len(self.axes)

    @property
    def spacing(self) -> tuple[int, ...]:
        """Distances between the input's values in the spread input."""
        return tuple(map(int, self.call.attrs.strides))

    @property
    def padding(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Zeros before and after the spread input."""
        before, after = self._margins
        return tuple(max(n, 0) for n in before), tuple(max(n, 0) for n in after)

    @property
    def _margins(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Zeros before and after the spread input; what is less than none is cut off."""
        given = tuple(map(int, self.call.attrs.padding))
        rank = len(self.axes)
        more = tuple(map(int, self.call.attrs.output_padding))
        reach = [(k - 1) * d for k, d in zip(self.kernel, self.dilation, strict=True)]
        before = tuple(reach[n] - given[n] for n in range(rank))
        # A spread input ends with zeros behind its last value, which are part of the margin.
        after = tuple(
            reach[n] - given[rank + n] + more[n] - (self.spacing[n] - 1) for n in range(rank)
        )
        return before, after

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """Weights (kernel..., inputs, outputs) float32, zero between channels of two groups."""
        order = [self.kernel_layout.index(axis) for axis in f"{self.axes}IO"]
        whole: NDArray[np.float32] = self.call.args[1].value.numpy()
        plain = np.flip(whole.transpose(order), tuple(range(len(self.axes))))
        *kernel, inputs, outputs = plain.shape
        each = inputs // self.groups
        blocks = np.zeros((*kernel, self.groups, each, self.groups, outputs), np.float32)
        group = np.arange(self.groups)
        by_group = plain.reshape(*kernel, self.groups, each, outputs)
        blocks[..., group, :, group, :] = np.moveaxis(by_group, -3, 0)
        return blocks.reshape(*kernel, inputs, self.groups * outputs)

    def spread(self, emit: Callable[[relax.Expr, str], relax.Var], x: relax.Expr) -> relax.Expr:
        """Return the input with zeros between its values, less what no output reads.

        Before -> after, for a stride of 2 and an axis of 3 values::

            a b c  ->  a 0 b 0 c 0

        Parameters
        ----------
        emit : callable
            Binds a value to a variable of some name.
        x : Expr
            The input with channels last.
        """
        batch, *extents, channels = map(int, x.ty.shape.values)
        rank = len(extents)
        if any(step > 1 for step in self.spacing):
            apart = [batch, *(size for n in extents for size in (n, 1)), channels]
            widths = [0, 0, *(w for step in self.spacing for w in (0, 0, 0, step - 1)), 0, 0]
            x = emit(relax.op.reshape(x, apart), f"{self.name}_apart")
            x = emit(relax.op.nn.pad(x, widths), f"{self.name}_zeros")
            extents = [n * step for n, step in zip(extents, self.spacing, strict=True)]
            x = emit(relax.op.reshape(x, (batch, *extents, channels)), f"{self.name}_spread")
        before, after = self._margins
        first = [max(-n, 0) for n in before]
        last = [size - max(-n, 0) for size, n in zip(extents, after, strict=True)]
        if any(first) or last != extents:
            axes = [*range(1, rank + 1)]
            x = emit(relax.op.strided_slice(x, axes, first, last), f"{self.name}_cut")
        return x
