"""DepthToSpace and SpaceToDepth, in both orders of channels."""

from __future__ import annotations

from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import Node, extents

MODES = ("DCR", "CRD")


def depth_to_space(node: Node) -> relax.Expr:
    """Return an image with blocks of channels as blocks of places."""
    batch, channels, height, width = _image(node)
    block = _block(node, channels, 2)
    inner = channels // block**2
    if node.text("mode", "DCR", MODES) == "DCR":
        shape, order = [batch, block, block, inner, height, width], [0, 3, 4, 1, 5, 2]
    else:
        shape, order = [batch, inner, block, block, height, width], [0, 1, 4, 2, 5, 3]
    split = relax.op.permute_dims(relax.op.reshape(node.inputs[0], shape), order)
    return relax.op.reshape(split, [batch, inner, height * block, width * block])


def space_to_depth(node: Node) -> relax.Expr:
    """Return an image with blocks of places as blocks of channels."""
    batch, channels, height, width = _image(node)
    block = _block(node, height, 1)
    _block(node, width, 1)
    shape = [batch, channels, height // block, block, width // block, block]
    order = [0, 3, 5, 1, 2, 4] if node.text("mode", "DCR", MODES) == "DCR" else [0, 1, 3, 5, 2, 4]
    split = relax.op.permute_dims(relax.op.reshape(node.inputs[0], shape), order)
    return relax.op.reshape(split, [batch, channels * block**2, height // block, width // block])


def _image(node: Node) -> list[int]:
    shape = extents(node.inputs[0])
    if len(shape) != 4:
        raise ModelError(f"its input has shape {shape}, it must have 4 axes")
    return shape


def _block(node: Node, extent: int, power: int) -> int:
    block = int(node.number("blocksize", 0))
    if block < 1 or extent % block**power:
        raise ModelError(f"blocksize is {block}, it must divide {extent} (power {power})")
    return block


CONVERTERS = {"DepthToSpace": depth_to_space, "SpaceToDepth": space_to_depth}
