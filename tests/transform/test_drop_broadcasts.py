"""`DropBroadcasts`: operands in their smallest shape. Numbers are those of its docstring."""

import numpy as np
import pytest
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

from eie_backend.transform.drop_broadcasts import DropBroadcasts

W = np.arange(6, dtype=np.float32).reshape(3, 2)
B = np.array([1, 2], np.float32)


def build(body, *shapes):
    builder = relax.BlockBuilder()
    inputs = [relax.Var(f"x{i}", relax.TensorType(s, "float32")) for i, s in enumerate(shapes)]
    with builder.function("main", inputs):
        with builder.dataflow():
            output = builder.emit_output(body(builder, *inputs))
        builder.emit_func_output(output)
    return builder.get()


def operands(mod, operator):
    """Return the shapes of the operands of the only call of an operator."""
    calls = [
        b.value
        for block in mod["main"].body.blocks
        for b in block.bindings
        if isinstance(b.value, relax.Call) and b.value.op.name == operator
    ]
    return [tuple(map(int, arg.ty.shape.values)) for arg in calls[-1].args]


# Accepted


def test_broadcast_weights_are_one_matrix():  # 1
    @I.ir_module
    class Before:
        @R.function
        def main(x: R.Tensor((7, 5, 3), "float32")) -> R.Tensor((7, 5, 2), "float32"):
            with R.dataflow():
                lv = R.broadcast_to(R.const(W), R.shape([7, 3, 2]))
                fc = R.matmul(x, lv)
                R.output(fc)
            return fc

    @I.ir_module
    class After:
        @R.function
        def main(x: R.Tensor((7, 5, 3), "float32")) -> R.Tensor((7, 5, 2), "float32"):
            with R.dataflow():
                lv = R.broadcast_to(R.const(W), R.shape([7, 3, 2]))  # noqa: F841
                fc = R.matmul(x, R.const(W))
                R.output(fc)
            return fc

    assert_structural_equal(DropBroadcasts()(Before), After)


@pytest.mark.parametrize("operator", [relax.op.add, relax.op.maximum])
@pytest.mark.parametrize("side", [0, 1])
def test_several_broadcasts_in_a_row_are_dropped(operator, side):  # 1
    def body(builder, x, y):
        once = builder.emit(relax.op.broadcast_to(y, (1, 4, 2)))
        twice = builder.emit(relax.op.broadcast_to(once, (3, 4, 2)))
        return operator(*((x, twice) if side else (twice, x)))

    mod = DropBroadcasts()(build(body, (3, 4, 2), (2,)))
    assert sorted(operands(mod, operator(*[relax.const(B)] * 2).op.name)) == [(2,), (3, 4, 2)]


def test_a_repeated_constant_loses_its_leading_dimensions():  # 2
    repeated = np.broadcast_to(B, (3, 4, 2)).copy()
    mod = DropBroadcasts()(build(lambda _, x: relax.op.add(x, relax.const(repeated)), (3, 4, 2)))
    assert operands(mod, "relax.add") == [(3, 4, 2), (2,)]


def test_repeated_matrices_become_one():  # 2
    repeated = np.broadcast_to(W, (7, 3, 2)).copy()
    mod = DropBroadcasts()(build(lambda _, x: relax.op.matmul(x, relax.const(repeated)), (7, 5, 3)))
    assert operands(mod, "relax.matmul") == [(7, 5, 3), (3, 2)]


def test_a_constant_that_adds_dimensions_keeps_ones():  # 2, 3
    repeated = np.broadcast_to(B, (1, 4, 2)).copy()
    mod = DropBroadcasts()(build(lambda _, x: relax.op.add(x, relax.const(repeated)), (4, 2)))
    assert operands(mod, "relax.add") == [(4, 2), (1, 1, 2)]


# Left alone


def unchanged(mod):
    assert_structural_equal(DropBroadcasts()(mod), mod)


def test_a_broadcast_that_gives_the_result_its_shape():  # 3
    def body(builder, x):
        return relax.op.add(builder.emit(relax.op.broadcast_to(x, (3, 4, 2))), relax.const(B))

    unchanged(build(body, (2,)))


def test_a_constant_that_varies():  # 2
    varying = np.arange(8, dtype=np.float32).reshape(4, 2)
    unchanged(build(lambda _, x: relax.op.add(x, relax.const(varying)), (4, 2)))
    stacked = np.stack([W, W + 1])
    unchanged(build(lambda _, x: relax.op.matmul(x, relax.const(stacked)), (2, 5, 3)))


def test_operators_that_do_not_broadcast():  # 1
    def body(builder, x):
        wide = builder.emit(relax.op.broadcast_to(x, (3, 2)))
        return relax.op.concat([wide, wide])

    unchanged(build(body, (2,)))
