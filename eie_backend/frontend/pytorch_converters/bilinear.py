"""``nn.Bilinear``: a dense layer of the products of its two inputs' values."""

from __future__ import annotations

from typing import Any

from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import extents
from eie_backend.frontend.pytorch_converters._node import arguments, emit

BILINEAR = {"expand1": [1, 3], "expand2": [0], "expand3": [1, 2], "sumdim": [2, 3]}
"""Where PyTorch's bilinear layer has (rows, 1, n, 1), (1, outputs, n, m) and (rows, 1, 1, m)."""


def trilinear(node: Any, importer: Any) -> relax.Var:
    """Emit ``sum_ij a[r, i] w[o, i, j] b[r, j]`` as the matmul of ``a[r, i] b[r, j]`` with w."""
    given = arguments(node, importer)
    if any([int(axis) for axis in given[name]] != axes for name, axes in BILINEAR.items()):
        raise ModelError(
            f"node {node.name!r} (_trilinear.default): its axes are not those of nn.Bilinear; use "
            "torch.einsum"
        )
    first, weight, second = given["i1"], given["i2"], given["i3"]
    outputs, n, m = extents(weight)
    columns = emit(importer, relax.op.expand_dims(first, 2))
    rows = emit(importer, relax.op.expand_dims(second, 1))
    pairs = emit(importer, relax.op.multiply(columns, rows))
    flat = emit(importer, relax.op.reshape(pairs, (-1, n * m)))
    matrix = emit(importer, relax.op.reshape(weight, (outputs, n * m)))
    turned = emit(importer, relax.op.permute_dims(matrix, [1, 0]))
    return emit(importer, relax.op.matmul(flat, turned))


CONVERTERS = {"_trilinear.default": trilinear}
