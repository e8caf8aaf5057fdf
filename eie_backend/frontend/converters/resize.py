"""Resize and Upsample: each axis by itself, as a weighted sum of gathered places.

TVM's operator takes sizes instead of scales, and knows neither antialiasing nor all coordinates.
**Source**: ONNX's specification of Resize; arithmetic in float32 as in ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.converters._resize_axis import Axis, Rule
from eie_backend.frontend.onnx_node import Node, constant, dtype_of, extents, is_float, sized

COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
    "tf_half_pixel_for_nn",
)
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
POLICIES = ("stretch", "not_larger", "not_smaller")


def resize(node: Node) -> relax.Expr:
    """Return the input at the places that scales or sizes ask for."""
    shape = extents(node.inputs[0])
    if node.opset < 11:
        rule = Rule(node.text("mode", "nearest", ("nearest", "linear")), "asymmetric", "simple")
        return resized(
            node.inputs[0],
            node.builder,
            rule,
            dict(enumerate(_scaled(node, 1, shape, [*range(len(shape))]))),
        )
    axes = _axes(node, len(shape))
    rule = Rule(
        node.text("mode", "nearest", ("nearest", "linear", "cubic")),
        node.text("coordinate_transformation_mode", "half_pixel", COORDINATES),
        node.text("nearest_mode", "round_prefer_floor", NEAREST),
        bool(node.number("antialias", 0)),
        float(node.number("cubic_coeff_a", -0.75)),
        bool(node.number("exclude_outside", 0)),
        float(node.number("extrapolation_value", 0.0)),
    )
    scales, sizes = node.constant(2, "scales"), node.constant(3, "sizes")
    if sizes is not None and sizes.size:
        found = _sized(node, sizes, shape, axes)
    elif scales is not None and scales.size:
        found = _scaled(node, 2, shape, axes)
    else:
        raise ModelError("it has neither scales nor sizes; give one of them")
    if rule.coordinates == "tf_crop_and_resize":
        roi = node.constant(1, "regions (roi)")
        if roi is None or roi.size != 2 * len(axes):
            raise ModelError(
                f"its roi has not two values for each of {len(axes)} axes; give as many"
            )
        starts, ends = roi.astype(np.float32).reshape(2, -1)
        found = [
            one._replace(start=start, end=end)
            for one, start, end in zip(found, starts, ends, strict=True)
        ]
    return resized(node.inputs[0], node.builder, rule, dict(zip(axes, found, strict=True)))


def upsample(node: Node) -> relax.Expr:
    """Return the input at the places that scales ask for; an attribute before opset 9."""
    shape = extents(node.inputs[0])
    rule = Rule(node.text("mode", "nearest", ("nearest", "linear")), "asymmetric", "simple")
    axes = [*range(len(shape))]
    if node.opset < 7:
        raise ModelError("Upsample of opset 1 is an experiment; export it with opset 7 or later")
    if node.opset < 9:
        found = _from_scales(np.array(node.attributes["scales"], np.float32), shape, axes)
    else:
        found = _scaled(node, 1, shape, axes)
    return resized(node.inputs[0], node.builder, rule, dict(enumerate(found)))


def _axes(node: Node, rank: int) -> list[int]:
    axes = [int(axis) for axis in node.attributes.get("axes", range(rank))]
    if any(not -rank <= axis < rank for axis in axes) or len({a % rank for a in axes}) < len(axes):
        raise ModelError(f"axes are {axes}, they must be different ones in {-rank}..{rank - 1}")
    return [axis % rank for axis in axes]


def _scaled(node: Node, at: int, shape: list[int], axes: list[int]) -> list[Axis]:
    scales = node.constant(at, "scales")
    if scales is None:
        raise ModelError("it has no scales; give them")
    return _from_scales(scales.astype(np.float32), shape, axes)


def _from_scales(scales: NDArray[Any], shape: list[int], axes: list[int]) -> list[Axis]:
    if scales.shape != (len(axes),):
        raise ModelError(f"it has {scales.size} scales, it must have {len(axes)}")
    if not np.all(np.isfinite(scales) & (scales > 0)):
        raise ModelError(f"its scales are {scales.tolist()}, they must be above 0 and finite")
    out = [int(np.floor(np.float32(shape[a]) * s)) for a, s in zip(axes, scales, strict=True)]
    return [
        Axis(shape[axis], size, scale, float(scale))
        for axis, size, scale in zip(axes, out, scales, strict=True)
    ]


def _sized(node: Node, sizes: NDArray[Any], shape: list[int], axes: list[int]) -> list[Axis]:
    if sizes.shape != (len(axes),) or sizes.min() < 1:
        raise ModelError(f"its sizes are {sizes.tolist()}, it needs {len(axes)} of at least 1")
    policy = node.text("keep_aspect_ratio_policy", "stretch", POLICIES)
    exact = [int(size) / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
    out = [int(size) for size in sizes]
    if policy != "stretch":
        one = min(exact) if policy == "not_larger" else max(exact)
        exact = [one] * len(axes)
        out = [int(np.floor(one * shape[axis] + 0.5)) for axis in axes]
    return [
        Axis(shape[axis], size, np.float32(scale), scale)
        for axis, size, scale in zip(axes, out, exact, strict=True)
    ]


def resized(
    x: relax.Expr, builder: relax.BlockBuilder, rule: Rule, axes: Mapping[int, Axis]
) -> relax.Expr:
    """Return a tensor with some of its axes resized by a rule."""
    shape, kind = extents(x), dtype_of(x)
    if min(shape) < 1:
        raise ModelError(
            f"its input has shape {shape}; an empty one cannot be resized: leave it out"
        )
    sized([axes[at].size if at in axes else size for at, size in enumerate(shape)])
    computes = rule.mode != "nearest" and not is_float(x)
    inner = "float32" if computes else kind
    value = relax.op.astype(x, inner) if computes else x
    outside = []
    for at, axis in axes.items():
        along = [1] * len(shape)
        along[at] = axis.size
        if rule.extrapolates and axis.outside.any():
            outside.append(constant(axis.outside.reshape(along), "bool"))
        if axis.is_identity(rule):
            continue
        places, weights = axis.taps(rule)
        value = relax.op.take(value, constant(places, "int64"), at, mode="clip")
        if weights is not None:
            along.insert(at + 1, weights.shape[1])
            factors = constant(weights.reshape(along), inner)
            value = relax.op.sum(relax.op.multiply(value, factors), at + 1)
        value = builder.normalize(value)
    if outside:
        mask = reduce(relax.op.logical_or, outside)
        value = relax.op.where(mask, constant(rule.extrapolation, inner), value)
    return relax.op.astype(value, kind) if computes else value


CONVERTERS = {"Resize": resize, "Upsample": upsample}
