"""`WeightsAsInputs`: constants become inputs; other weights need no other build."""

import numpy as np
import tvm
from on_llvm import on_llvm
from tvm import relax
from tvm.script import ir as I
from tvm.script import relax as R

from eie_backend.transform.host_matmul import HostMatmul
from eie_backend.transform.layers import dense_layers
from eie_backend.transform.weights_as_inputs import WeightsAsInputs


def two_uses():
    builder = relax.BlockBuilder()
    x = relax.Var("x", R.Tensor((2, 3), "float32"))
    weights = relax.const(np.eye(3, dtype=np.float32))
    with builder.function("main", [x]):
        with builder.dataflow():
            first = builder.emit(relax.op.matmul(x, weights))
            second = builder.emit(relax.op.matmul(first, weights))
            one = relax.const(np.ones(3, np.float32))
            result = builder.emit_output(relax.op.add(second, one))
        builder.emit_func_output(result)
    return builder.get()


def test_accepted_1_all_uses_become_uses_of_the_input():
    mod = two_uses()
    (layer,) = dense_layers(mod)
    changed = WeightsAsInputs({"w": layer.operand})(mod)
    ones = relax.const(np.ones(3, np.float32))

    @I.ir_module
    class Expected:
        @R.function
        def main(x: R.Tensor((2, 3), "float32"), w: R.Tensor((3, 3), "float32")) -> R.Tensor(
            (2, 3), "float32"
        ):
            with R.dataflow():
                first: R.Tensor((2, 3), "float32") = R.matmul(x, w)
                second: R.Tensor((2, 3), "float32") = R.matmul(first, w)
                result: R.Tensor((2, 3), "float32") = R.add(second, ones)
                R.output(result)
            return result

    tvm.ir.assert_structural_equal(changed["main"], Expected["main"])


def test_left_alone_2_other_constants():
    mod = two_uses()
    tvm.ir.assert_structural_equal(WeightsAsInputs({})(mod), mod)


def test_the_weights_are_given_at_each_call():
    mod = two_uses()
    (layer,) = dense_layers(mod)
    passes = tvm.transform.Sequential([HostMatmul(), WeightsAsInputs({"w": layer.operand})])
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for scale in (1, 2):
        weights = scale * np.eye(3, dtype=np.float32)
        (y,) = on_llvm(passes(mod), x, weights)
        np.testing.assert_array_equal(y, x @ weights @ weights + 1)
