"""RoiAlign: the mean of each part of a region; its maximum is refused."""

from __future__ import annotations

from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import Node, constant, dtype_of


def roi_align(node: Node) -> relax.Expr:
    """Return the mean of interpolated places in each part of each region."""
    data, regions, batch = node.inputs
    kind = dtype_of(regions)
    if node.text("mode", "avg", ("avg", "max")) == "max":
        raise ModelError("mode is 'max', of which TVM has another meaning; use 'avg'")
    modes = ("half_pixel", "output_half_pixel")
    mode = node.text("coordinate_transformation_mode", modes[node.opset < 16], modes)
    scale = float(node.number("spatial_scale", 1.0))
    if not scale > 0:
        raise ModelError(f"spatial_scale is {scale}, it must be above 0")
    if mode == "half_pixel":  # of the scaled region: TVM leaves the shift to its caller
        shifted = relax.op.subtract(regions, constant(0.5 / scale, kind))
        regions = node.builder.normalize(shifted)
    numbers = relax.op.astype(relax.op.expand_dims(batch, 1), kind)
    means = relax.op.vision.roi_align(
        data,
        relax.op.concat([numbers, regions], 1),
        pooled_size=(int(node.number("output_height", 1)), int(node.number("output_width", 1))),
        spatial_scale=scale,
        sample_ratio=int(node.number("sampling_ratio", 0)),
        aligned=mode == "half_pixel",
        layout="NCHW",
        mode="avg",
    )
    if mode != "half_pixel":
        return means
    # An empty region has no places to take the mean of.
    ends, starts = (
        node.builder.normalize(relax.op.strided_slice(regions, [1], [at], [at + 2]))
        for at in (2, 0)
    )
    extent = node.builder.normalize(relax.op.subtract(ends, starts))
    least = relax.op.expand_dims(relax.op.min(extent, [1]), [1, 2, 3])
    zero = constant(0, dtype_of(data))
    return relax.op.where(relax.op.greater(least, constant(0, kind)), means, zero)


CONVERTERS = {"RoiAlign": roi_align}
