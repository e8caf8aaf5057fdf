"""``convolution``: any order of axes becomes NCHW with OIHW, which the machine has layers for."""

from __future__ import annotations

from jaxlib.mlir.dialects import stablehlo
from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import extents, sized
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation
from eie_backend.frontend.stablehlo_operators._padding import padded
from eie_backend.frontend.stablehlo_operators.products import layer

OPERATORS = {1: relax.op.nn.conv1d, 2: relax.op.nn.conv2d, 3: relax.op.nn.conv3d}


def convolution(operation: Operation) -> relax.Expr:
    """Emit a convolution, with transposes around it where its axes have another order.

    A dilated input, as transposed convolutions have, is spread with zeros before.
    """
    data, weights = operation.inputs
    numbers = stablehlo.ConvDimensionNumbers(operation.node.attributes["dimension_numbers"])
    rank = len(numbers.input_spatial_dimensions)
    if rank not in OPERATORS:
        raise ModelError(f"it has {rank} spatial axes, it must have 1 to 3")
    if (batches := operation.integer("batch_group_count", 1)) != 1:
        raise ModelError(
            f"its batch_group_count is {batches}, it must be 1; use feature_group_count"
        )
    ones = [1] * rank
    data = _ordered(
        operation,
        data,
        [
            numbers.input_batch_dimension,
            numbers.input_feature_dimension,
            *numbers.input_spatial_dimensions,
        ],
    )
    weights = _ordered(
        operation,
        weights,
        [
            numbers.kernel_output_feature_dimension,
            numbers.kernel_input_feature_dimension,
            *numbers.kernel_spatial_dimensions,
        ],
    )
    for axis, reversed_ in enumerate(operation.ints("window_reversal", [0] * rank)):
        if reversed_:
            weights = operation.emit(relax.op.flip(weights, axis + 2))
    pads = operation.pairs("padding", rank)
    between = [step - 1 for step in operation.ints("lhs_dilation", ones)]
    if any(between) or min(map(min, pads)) < 0:
        data = padded(operation, data, 0.0, [(0, 0), (0, 0), *pads], [0, 0, *between])
        pads = [(0, 0)] * rank
    sized(operation.shape)
    result = layer(
        operation,
        OPERATORS[rank](
            data,
            weights,
            operation.ints("window_strides", ones),
            [low for low, _ in pads] + [high for _, high in pads],
            operation.ints("rhs_dilation", ones),
            operation.integer("feature_group_count", 1),
        ),
    )
    where = [
        numbers.output_batch_dimension,
        numbers.output_feature_dimension,
        *numbers.output_spatial_dimensions,
    ]
    return _ordered(operation, result, [where.index(axis) for axis in range(rank + 2)])


def _ordered(operation: Operation, data: relax.Expr, axes: list[int]) -> relax.Expr:
    shape = extents(data)
    return operation.arranged(data, axes, [shape[axis] for axis in axes])


CONVERTERS: dict[str, Conversion] = {"stablehlo.convolution": convolution}
