"""``torch.nn.functional.interpolate``: all modes, sizes or factors, with and without antialiasing.

**Source**: PyTorch's ``UpSample.h``: coordinates come from the factors that are given.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from tvm import relax

from eie_backend.frontend.converters._resize_axis import Axis, Rule
from eie_backend.frontend.converters.resize import resized
from eie_backend.frontend.onnx_node import extents
from eie_backend.frontend.pytorch_converters._node import Conversion, arguments, emit

CUBIC, CUBIC_ANTIALIASED = -0.75, -0.5


def _interpolate(node: Any, importer: Any, mode: str, exact: bool, antialias: bool) -> relax.Var:
    given = arguments(node, importer)
    x, shape = given["input"], extents(given["input"])
    spatial = [*range(2, len(shape))]
    sizes, factors = given["output_size"], given.get("scale_factors")
    if factors is None:
        found = [given[name] for name in given if name.startswith("scales")]
        factors = found if found and None not in found else None
    scales = [*(factors or ())]
    out = (
        [int(np.floor(shape[axis] * factor)) for axis, factor in zip(spatial, scales, strict=True)]
        if sizes is None
        else [int(size) for size in sizes]
    )
    corners = bool(given.get("align_corners", False))
    if mode == "nearest":
        rule = Rule(mode, "tf_half_pixel_for_nn" if exact else "asymmetric", "floor")
    else:
        rule = Rule(
            mode,
            "align_corners" if corners else "half_pixel",
            "",
            antialias,
            CUBIC_ANTIALIASED if antialias else CUBIC,
            antialias,
        )
    axes = {}
    for at, (axis, size) in enumerate(zip(spatial, out, strict=True)):
        scale = float(scales[at]) if scales else size / shape[axis]
        axes[axis] = Axis(shape[axis], size, np.float32(scale), scale)
    return emit(importer, resized(x, importer.block_builder, rule, axes))


def _converter(mode: str, exact: bool = False, antialias: bool = False) -> Conversion:
    return partial(_interpolate, mode=mode, exact=exact, antialias=antialias)


BASES = {
    **{f"upsample_nearest{rank}d": _converter("nearest") for rank in (1, 2, 3)},
    **{f"_upsample_nearest_exact{rank}d": _converter("nearest", True) for rank in (1, 2, 3)},
    "upsample_linear1d": _converter("linear"),
    "upsample_bilinear2d": _converter("linear"),
    "upsample_trilinear3d": _converter("linear"),
    "upsample_bicubic2d": _converter("cubic"),
    "_upsample_bilinear2d_aa": _converter("linear", antialias=True),
    "_upsample_bicubic2d_aa": _converter("cubic", antialias=True),
}

CONVERTERS = {
    f"{name}.{overload}": convert
    for name, convert in BASES.items()
    for overload in ("vec", "default")
}
