"""Winograd's F(2x2, 3x3): four results of a 3x3 convolution from 16 products instead of 36.

A 4x4 patch d of the input and a 3x3 kernel g give the 2x2 results ``At (U * V) A`` with
``U = G g Gt`` and ``V = Bt d B``. Over all channels, each of the 16 elements of ``U * V`` is a
matrix-vector product with one matrix of U; the machine runs these, the host both transforms.

**Source**: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (CVPR 2016).

**Fixed point**: the machine rounds V, U and the products. An element of V sums up to four inputs,
so its format may have two fractional bits fewer than the inputs' (range times 4). A result sums
up to nine products, so its error is at most nine times the largest error of a product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tvm import te, tirx, topi
from tvm.s_tir import Schedule

from eie_backend.machine.choices import WinogradMode
from eie_backend.transform.convolution import Convolution
from eie_backend.transform.layers import is_shared

TILE = 4
"""Side of a patch; patches overlap by two."""

B = np.array([[1, 0, 0, 0], [0, 1, -1, 1], [-1, 1, 1, 0], [0, 0, 0, -1]])
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
A = np.array([[1, 0], [1, 1], [1, -1], [0, -1]])

INPUT_ADDITIONS, OUTPUT_ADDITIONS = 32, 24
"""Additions of the host for a patch, per input and per output channel."""


def use_winograd(layer: Convolution, mode: WinogradMode) -> bool:
    """Return whether a convolution is computed by Winograd's algorithm.

    Only 3x3 kernels with stride and dilation 1 qualify. ``auto`` compares the operations over all
    results: weights x positions for the direct method; for Winograd's, weights of U x patches and
    the additions of the host, which are more than all that a depthwise convolution could save.
    Weights count if they are not zero, and all activations count. A convolution with shared weights
    is computed directly, because U would have to be shared again.

    Notes
    -----
    **Source**: Lavin and Gray (arXiv 1509.09308), section 4.1, for the additions of a patch.
    """
    fits = layer.kernel == (3, 3) and layer.strides == layer.dilation == (1, 1)
    if mode != "auto" or not fits:
        return fits and mode == "always"
    weights = layer.call.args[1].value.numpy()
    if is_shared(weights):
        return False
    direct = np.count_nonzero(weights) * np.prod(layer.positions)
    *_, inputs, outputs = layer.weights.shape
    additions = INPUT_ADDITIONS * inputs + OUTPUT_ADDITIONS * outputs
    of_patch = np.count_nonzero(transform_weights(layer)) + additions
    return bool(of_patch * np.prod(patches(layer)) < direct)


def patches(layer: Convolution) -> tuple[int, ...]:
    """Return the number of patches along each axis."""
    return tuple(-(-extent // 2) for extent in layer.positions)


def transform_weights(layer: Convolution) -> NDArray[np.float32]:
    """Return U, shape (16, inputs, outputs), the patch's elements in row-major order."""
    weights = layer.weights.astype(np.float64)
    u = np.einsum("ar,bs,rsio->abio", G, G, weights, optimize=True)
    matrices: NDArray[np.float32] = u.reshape(-1, *weights.shape[2:]).astype(np.float32)
    return matrices


def transform_input(x: te.Tensor, layer: Convolution) -> list[te.Tensor]:
    """Compute the 16 tensors V, (batch, patches..., inputs), of `x` (batch, H, W, inputs)."""
    before, _ = layer.padding
    count = patches(layer)
    after = [
        max(2 * n + 2 - int(extent) - pad, 0)
        for n, extent, pad in zip(count, x.shape[1:3], before, strict=True)
    ]
    padded = topi.nn.pad(x, [0, *before, 0], [0, *after, 0]) if any([*before, *after]) else x

    def element(row: int, col: int) -> te.Tensor:
        def value(n: tirx.Var, i: tirx.Var, j: tirx.Var, c: tirx.Var) -> tirx.PrimExpr:
            patch = [[padded[n, 2 * i + r, 2 * j + s, c] for s in range(TILE)] for r in range(TILE)]
            return _combine(np.outer(B[:, row], B[:, col]), patch)

        return te.compute((x.shape[0], *count, x.shape[3]), value, name=f"v{TILE * row + col}")

    return [element(row, col) for row in range(TILE) for col in range(TILE)]


def transform_output(products: list[te.Tensor], layer: Convolution) -> te.Tensor:
    """Compute the results (batch, H, W, outputs) of 16 products (batch, patches..., outputs)."""

    def value(n: tirx.Var, y: tirx.Var, x: tirx.Var, o: tirx.Var) -> tirx.PrimExpr:
        flat = [product[n, y // 2, x // 2, o] for product in products]
        patch = [flat[TILE * row : TILE * (row + 1)] for row in range(TILE)]
        (a, b), (c, d) = (
            [_combine(np.outer(A[:, row], A[:, col]), patch) for col in range(2)]
            for row in range(2)
        )
        upper, lower = (tirx.if_then_else(x % 2 == 0, *pair) for pair in ((a, b), (c, d)))
        return tirx.if_then_else(y % 2 == 0, upper, lower)

    batch, outputs = products[0].shape[0], products[0].shape[3]
    return te.compute((batch, *layer.positions, outputs), value, name="result")


def rolled(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """Return a transform with one loop over all patches, and one over the channels inside.

    LLVM unrolls a nest of short loops, and 16 of them, as those of 5 x 3 patches, become so much
    code that it takes a quarter of a minute and half a gigabyte to compile.
    """
    schedule = Schedule(function)
    for block in schedule.get_child_blocks(schedule.get_sblock("root")):
        schedule.fuse(*schedule.get_loops(block)[:-1])
    return schedule.mod["main"]


def _combine(signs: NDArray[np.int64], patch: list[list[tirx.PrimExpr]]) -> tirx.PrimExpr:
    """Return the sum of a patch's elements with the factors 1, -1 or 0."""
    total: tirx.PrimExpr = tirx.const(0, "float32")
    for row, col in zip(*np.nonzero(signs), strict=True):
        element = patch[row][col]
        total = total + element if signs[row, col] > 0 else total - element
    return total
