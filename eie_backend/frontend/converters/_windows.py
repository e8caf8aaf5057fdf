"""The windows of a pooling or a convolution, as ONNX's attributes say them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import Node, sized

AUTO_PAD = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


@dataclass(frozen=True)
class Windows:
    """Along each spatial axis: sizes, steps, and how much is padded where.

    `end` is what the windows reach beyond the input, `declared_end` what the node pads there: with
    ``ceil_mode``, the last window may reach further, or not as far.
    """

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    begin: list[int]
    end: list[int]
    declared_end: list[int]
    out: list[int]

    @property
    def fits_tvm(self) -> bool:
        """Whether TVM's operators take this padding: less than a window."""
        pads = zip(self.begin, self.end, self.kernel, strict=True)
        return all(max(before, after) < size for before, after, size in pads)


def windows(node: Node, spatial: Sequence[int]) -> Windows:
    """Return the windows of a pooling over the axes of these extents."""
    rank = len(spatial)
    if rank not in (1, 2, 3) or min(spatial) < 1:
        raise ModelError(f"its input has spatial axes {[*spatial]}, it must have 1 to 3 of them")
    if "kernel_shape" not in node.attributes:
        raise ModelError("it has no kernel_shape; give it")
    kernel = node.ints("kernel_shape", [1] * rank, 1)
    strides = node.ints("strides", [1] * rank, 1)
    dilations = node.ints("dilations", [1] * rank, 1)
    pads = node.ints("pads", [0] * 2 * rank, 0)
    auto = node.text("auto_pad", "NOTSET", AUTO_PAD)
    begin, declared = pads[:rank], pads[rank:]
    out, end = [], []
    for axis, extent in enumerate(spatial):
        span, step = (kernel[axis] - 1) * dilations[axis] + 1, strides[axis]
        if auto.startswith("SAME"):
            count = -(-extent // step)
            total = (count - 1) * step + span - extent
            if total < -1:  # ONNX Runtime cuts off values in front, others at the end
                raise ModelError(
                    f"auto_pad is {auto} with strides {strides} above the window's; give pads"
                )
            total = max(0, total)
            begin[axis] = total - total // 2 if auto == "SAME_LOWER" else total // 2
            declared[axis] = total - begin[axis]
        elif auto == "VALID":
            begin[axis] = declared[axis] = 0
        room = extent + begin[axis] + declared[axis] - span
        if room < 0:
            raise ModelError(
                f"a window of {span} is larger than its axis of {extent} with pads; give more pads"
            )
        count = room // step + 1
        if node.number("ceil_mode", 0) and room % step and count * step < extent + begin[axis]:
            count += 1  # a window must begin inside the input, or in the padding before it
        out.append(count)
        end.append(max(0, (count - 1) * step + span - extent - begin[axis]))
    if any(
        max(b, e) >= s for b, e, s in zip(begin, declared, _spans(kernel, dilations), strict=True)
    ):
        raise ModelError(f"its pads are {begin + declared}, each must be below the window's size")
    sized([extent + b + e for extent, b, e in zip(spatial, begin, end, strict=True)])
    return Windows(kernel, strides, dilations, begin, end, declared, out)


def _spans(kernel: list[int], dilations: list[int]) -> list[int]:
    return [(size - 1) * apart + 1 for size, apart in zip(kernel, dilations, strict=True)]
