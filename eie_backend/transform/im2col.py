"""`im2col`: gather the inputs of each output position of a convolution, as rows for a matmul."""

from __future__ import annotations

from tvm import te, tirx, topi

from eie_backend.transform.convolution import Convolution


def im2col(x: te.Tensor, layer: Convolution) -> te.Tensor:
    """Gather the inputs of every position, (batch, positions..., kernel..., channels).

    `x` is (batch, spatial..., channels).
    """
    before, after = layer.padding
    padded = topi.nn.pad(x, [0, *before, 0], [0, *after, 0]) if any(before + after) else x
    shape = (x.shape[0], *layer.positions, *layer.kernel, x.shape[-1])

    def value(sample: tirx.Var, *rest: tirx.Var) -> tirx.PrimExpr:
        *indices, channel = rest
        positions, taps = indices[: len(layer.kernel)], indices[len(layer.kernel) :]
        steps = zip(positions, layer.strides, taps, layer.dilation, strict=True)
        return padded(sample, *(p * stride + t * apart for p, stride, t, apart in steps), channel)

    return te.compute(shape, value, name="im2col")
