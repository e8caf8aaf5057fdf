"""`HostMatmul`: numbers are those of its docstring."""

import numpy as np
from on_llvm import on_llvm
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

from eie_backend.transform.host_matmul import HostMatmul

W = np.arange(12, dtype=np.float32).reshape(4, 3) - 5


@I.ir_module
class Layer:
    @R.function
    def main(x: R.Tensor((2, 5, 4), "float32")) -> R.Tensor((2, 5, 3), "float32"):
        with R.dataflow():
            fc: R.Tensor((2, 5, 3), "float32") = R.matmul(x, R.const(W))
            y: R.Tensor((2, 5, 3), "float32") = R.nn.relu(fc)
            R.output(y)
        return y


@I.ir_module
class Called:
    @R.function
    def main(x: R.Tensor((2, 5, 4), "float32")) -> R.Tensor((2, 5, 3), "float32"):
        with R.dataflow():
            fc = R.call_pure_packed(
                "eie.host_matmul", x, R.const(W), ty_args=R.Tensor((2, 5, 3), "float32")
            )
            y: R.Tensor((2, 5, 3), "float32") = R.nn.relu(fc)
            R.output(y)
        return y


@I.ir_module
class Inputs:
    @R.function
    def main(x: R.Tensor((2, 4), "float32"), w: R.Tensor((4, 3), "float32")) -> R.Tensor(
        (2, 3), "float32"
    ):
        with R.dataflow():
            y: R.Tensor((2, 3), "float32") = R.matmul(x, w)
            R.output(y)
        return y


def test_a_layer_is_multiplied_by_numpy():  # 1
    assert_structural_equal(HostMatmul()(Layer), Called)


def test_the_values_are_the_same():  # 1
    x = np.arange(40, dtype=np.float32).reshape(2, 5, 4) - 20
    (found,) = on_llvm(HostMatmul()(Layer), x)
    np.testing.assert_array_equal(found, np.maximum(x @ W, 0))


def test_a_product_of_inputs_is_multiplied_by_numpy_too():
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-9, 9, shape).astype(np.float32) for shape in ((2, 4), (4, 3)))
    (found,) = on_llvm(HostMatmul()(Inputs), x, w)
    np.testing.assert_array_equal(found, x @ w)
    assert "host_matmul" in HostMatmul()(Inputs).script()


def test_other_operations_are_left_alone():  # 1
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType((2, 3), "float32"))
    with builder.function("main", [x]):
        builder.emit_func_output(builder.emit(relax.op.add(x, relax.op.nn.relu(x))))
    assert_structural_equal(HostMatmul()(builder.get()), builder.get())
