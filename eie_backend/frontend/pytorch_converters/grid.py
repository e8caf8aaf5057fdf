"""``grid_sample``: PyTorch keeps coordinates on the last axis, TVM on the second."""

from __future__ import annotations

from typing import Any

from tvm import relax

from eie_backend.frontend.pytorch_converters._node import arguments, emit

MODES = ("bilinear", "nearest", "bicubic")
PADDING = ("zeros", "border", "reflection")


def grid_sampler(node: Any, importer: Any) -> relax.Var:
    """Emit an image's values at the places of a grid."""
    given = arguments(node, importer)
    grid = emit(importer, relax.op.permute_dims(given["grid"], [0, 3, 1, 2]))
    return emit(
        importer,
        relax.op.image.grid_sample(
            given["input"],
            grid,
            method=MODES[given["interpolation_mode"]],
            layout="NCHW",
            padding_mode=PADDING[given["padding_mode"]],
            align_corners=bool(given["align_corners"]),
        ),
    )


CONVERTERS = {"grid_sampler_2d.default": grid_sampler}
