"""`FoldConstants`: what TVM's pass folds is folded; it runs only where there is a need."""

import numpy as np
import pytest
from tvm import relax
from tvm.ir import assert_structural_equal

from eie_backend.transform.fold_constants import FoldConstants

ONES = relax.const(np.ones((2, 3), np.float32))


def build(body):
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((2, 3), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            result = builder.emit_output(body(builder, x))
        builder.emit_func_output(result)
    return builder.get()


def chained(builder, x):
    negative = builder.emit(relax.op.negative(ONES))
    return builder.emit(relax.op.add(x, builder.emit(relax.op.exp(negative))))


def of_a_tuple(builder, x):
    parts = builder.emit(relax.Tuple([ONES, ONES]))
    return builder.emit(relax.op.add(x, builder.emit(relax.op.exp(relax.TupleGetItem(parts, 1)))))


def joined(builder, x):
    both = builder.emit(relax.op.concat([ONES, ONES], 1))
    return builder.emit(relax.op.concat([x, both], 1))


def of_a_shape(builder, x):
    size = builder.emit(relax.op.shape_to_tensor(builder.emit(relax.op.shape_of(x))))
    return builder.emit(relax.op.multiply(size, size))


def made(builder, x):
    return builder.emit(relax.op.add(x, builder.emit(relax.op.zeros((2, 3), "float32"))))


def nothing(builder, x):
    return builder.emit(relax.op.multiply(builder.emit(relax.op.add(x, ONES)), x))


@pytest.mark.parametrize("body", [chained, of_a_tuple, joined, of_a_shape, made, nothing])
def test_it_folds_what_tvm_folds(body):
    mod = build(body)
    assert_structural_equal(FoldConstants()(mod), relax.transform.FoldConstant()(mod))


def test_nothing_is_looked_for_where_nothing_is(monkeypatch):
    mod = build(nothing)

    def unasked():
        return lambda _mod: pytest.fail("TVM's pass was run")

    monkeypatch.setattr(relax.transform, "FoldConstant", unasked)
    assert_structural_equal(FoldConstants()(mod), mod)
    with pytest.raises(Exception, match="was run"):
        FoldConstants()(build(chained))
