"""ConvTranspose: the whole of its sums, of which padding and output_shape say what is kept."""

from __future__ import annotations

from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.converters._windows import AUTO_PAD
from eie_backend.frontend.onnx_node import Node, extents, sized

OPERATORS = {
    1: (relax.op.nn.conv1d_transpose, "NCW", "IOW"),
    2: (relax.op.nn.conv2d_transpose, "NCHW", "IOHW"),
    3: (relax.op.nn.conv3d_transpose, "NCDHW", "IODHW"),
}


def conv_transpose(node: Node) -> relax.Expr:
    """Return the transposed convolution, with its bias."""
    x, weights, bias = node.inputs[0], node.inputs[1], node.input(2)
    (_, _, *spatial), (_, per_group, *kernel) = extents(x), extents(weights)
    rank = len(spatial)
    if rank not in OPERATORS:
        raise ModelError(f"its input has {rank} spatial axes, it must have 1 to 3")
    strides = node.ints("strides", [1] * rank, 1)
    dilations = node.ints("dilations", [1] * rank, 1)
    more = node.ints("output_padding", [0] * rank, 0)
    pads = node.ints("pads", [0] * 2 * rank, 0)
    group = int(node.number("group", 1))
    auto = node.text("auto_pad", "NOTSET", AUTO_PAD)
    whole = [
        (extent - 1) * step + (size - 1) * apart + 1
        for extent, step, size, apart in zip(spatial, strides, kernel, dilations, strict=True)
    ]
    wanted = _wanted(node, spatial, strides)
    begin, out = [], []
    for axis in range(rank):
        full = whole[axis] + more[axis]
        if wanted is None:
            before, after = (0, 0) if auto == "VALID" else (pads[axis], pads[rank + axis])
            begin.append(before)
            out.append(full - before - after)
        else:
            total = max(0, full - wanted[axis])
            begin.append(total // 2 if auto == "SAME_UPPER" else total - total // 2)
            out.append(wanted[axis])
    sized([per_group * group, *out])
    sized([per_group * group, *whole])
    operator, layout, kernel_layout = OPERATORS[rank]
    plain = wanted is None and not any(more)
    padding = [0] * 2 * rank if auto == "VALID" or not plain else pads
    result = operator(
        x,
        weights,
        strides,
        padding,
        0,
        dilations,
        group,
        data_layout=layout,
        kernel_layout=kernel_layout,
    )
    result = result if plain else _kept(result, whole, begin, out)
    if bias is None:
        return result
    return relax.op.add(result, relax.op.reshape(bias, [1, -1, *[1] * rank]))


def _wanted(node: Node, spatial: list[int], strides: list[int]) -> list[int] | None:
    """Return the extents that the node asks for, None if they follow from its padding."""
    if "output_shape" in node.attributes:
        given = [int(one) for one in node.attributes["output_shape"]]
        if len(given) not in (len(spatial), len(spatial) + 2):
            raise ModelError(f"output_shape is {given}, it must have {len(spatial)} values")
        return sized(given[-len(spatial) :])
    if node.text("auto_pad", "NOTSET", AUTO_PAD).startswith("SAME"):
        return [extent * step for extent, step in zip(spatial, strides, strict=True)]
    return None


def _kept(value: relax.Expr, whole: list[int], begin: list[int], out: list[int]) -> relax.Expr:
    """Return `out` places of each axis from `begin` on, zeros where there are not as many."""
    axes = [*range(2, len(whole) + 2)]
    ends = [min(at + size, full) for at, size, full in zip(begin, out, whole, strict=True)]
    if any(begin) or ends != whole:
        value = relax.op.strided_slice(value, axes, begin, ends)
    widths = [0] * 4
    for at, size, end in zip(begin, out, ends, strict=True):
        widths += [0, size - (end - at)]
    return relax.op.nn.pad(value, widths) if any(widths) else value


CONVERTERS = {"ConvTranspose": conv_transpose}
