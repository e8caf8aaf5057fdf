"""`LowerToTIR`: composites become kernels. Numbers are those of its docstring."""

import numpy as np
import pytest
import tvm
from on_llvm import on_llvm
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R
from tvm.script import tirx as T

from eie_backend.config import HardwareConfig
from eie_backend.lower.lower_to_tir import (
    LowerToTIR,
    composite_layer,
    is_eie_function,
    is_kernel,
)
from eie_backend.transform.normalize import Normalize
from eie_backend.transform.partition import Partition

RNG = np.random.default_rng(0)
W1 = RNG.integers(-7, 8, (5, 4)).astype(np.float32)
W2 = RNG.integers(-7, 8, (4, 3)).astype(np.float32)
B1 = RNG.integers(-7, 8, 4).astype(np.float32)


@I.ir_module
class Before:
    @R.function
    def fused_eie(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 3), "float32"):
        R.func_attr({"Codegen": "eie"})

        @R.function
        def first(x_1: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 4), "float32"):
            R.func_attr({"Composite": "eie.dense_bias_relu", "eie.layer": "fc1"})
            with R.dataflow():
                lv: R.Tensor((2, 4), "float32") = R.matmul(x_1, R.const(W1))
                lv1: R.Tensor((2, 4), "float32") = R.add(lv, R.const(B1))
                gv: R.Tensor((2, 4), "float32") = R.nn.relu(lv1)
                R.output(gv)
            return gv

        lv: R.Tensor((2, 4), "float32") = first(x)

        @R.function
        def second(lv_1: R.Tensor((2, 4), "float32")) -> R.Tensor((2, 3), "float32"):
            R.func_attr({"Composite": "eie.dense", "eie.layer": "fc2"})
            with R.dataflow():
                gv: R.Tensor((2, 3), "float32") = R.matmul(lv_1, R.const(W2))
                R.output(gv)
            return gv

        gv: R.Tensor((2, 3), "float32") = second(lv)
        return gv

    @R.function
    def main(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 3), "float32"):
        cls = Before
        with R.dataflow():
            lv: R.Tensor((2, 3), "float32") = cls.fused_eie(x)
            gv: R.Tensor((2, 3), "float32") = R.nn.softmax(lv)
            R.output(gv)
        return gv


@I.ir_module
class After:
    @T.prim_func(s_tir=True)
    def fc1_kernel(
        x: T.Buffer((2, 5), "float32"),
        w: T.Buffer((5, 4), "float32"),
        b: T.Buffer((4,), "float32"),
        y: T.Buffer((2, 4), "float32"),
    ):
        T.func_attr(
            {
                "eie.epilogue": "relu",
                "eie.layer": "fc1",
                "eie.parameter": 0.0,
                "tirx.noalias": True,
            }
        )
        acc = T.sblock_alloc_buffer((4,))
        for sample in range(2):
            for i in range(4):
                with T.sblock("start_0"):
                    vi = T.axis.spatial(4, i)
                    acc[vi] = b[vi]
            for i, j in T.grid(4, 5):
                with T.sblock("mvm_0_0"):
                    vs, vi, vj = T.axis.remap("SSR", [sample, i, j])
                    acc[vi] = acc[vi] + w[vj, vi] * x[vs, vj]
            for i in range(4):
                with T.sblock("write_back_0"):
                    vs, vi = T.axis.remap("SS", [sample, i])
                    y[vs, vi] = T.max(acc[vi], T.float32(0.0))

    @T.prim_func(s_tir=True)
    def fc2_kernel(
        x: T.Buffer((2, 4), "float32"),
        w: T.Buffer((4, 3), "float32"),
        y: T.Buffer((2, 3), "float32"),
    ):
        T.func_attr(
            {
                "eie.epilogue": "none",
                "eie.layer": "fc2",
                "eie.parameter": 0.0,
                "tirx.noalias": True,
            }
        )
        acc = T.sblock_alloc_buffer((3,))
        for sample in range(2):
            for i in range(3):
                with T.sblock("start_0"):
                    vi = T.axis.spatial(3, i)
                    acc[vi] = T.float32(0.0)
            for i, j in T.grid(3, 4):
                with T.sblock("mvm_0_0"):
                    vs, vi, vj = T.axis.remap("SSR", [sample, i, j])
                    acc[vi] = acc[vi] + w[vj, vi] * x[vs, vj]
            for i in range(3):
                with T.sblock("write_back_0"):
                    vs, vi = T.axis.remap("SS", [sample, i])
                    y[vs, vi] = acc[vi]

    @R.function
    def fused_eie(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 3), "float32"):
        R.func_attr({"Codegen": "eie"})
        cls = After
        with R.dataflow():
            fc1 = R.call_tir(
                cls.fc1_kernel,
                (x, R.const(W1), R.const(B1)),
                out_ty=R.Tensor((2, 4), "float32"),
            )
            fc2 = R.call_tir(
                cls.fc2_kernel,
                (fc1, R.const(W2)),
                out_ty=R.Tensor((2, 3), "float32"),
            )
            gv: R.Tensor((2, 3), "float32") = fc2
            R.output(gv)
        return gv

    @R.function
    def main(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 3), "float32"):
        cls = After
        with R.dataflow():
            lv: R.Tensor((2, 3), "float32") = cls.fused_eie(x)
            gv: R.Tensor((2, 3), "float32") = R.nn.softmax(lv)
            R.output(gv)
        return gv


def partitioned(shape):
    """Return a layer with a bias and its partitioned form."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType(shape, "float32"))
    with builder.function("main", [x]):
        product = builder.emit(relax.op.matmul(x, relax.const(W1)), "fc")
        builder.emit_func_output(builder.emit(relax.op.add(product, relax.const(B1))))
    mod = Normalize()(builder.get())
    return mod, Partition(HardwareConfig())(mod)


def kernels(mod):
    return {g.name_hint: f for g, f in mod.functions_items() if is_kernel(f)}


def evaluate(mod, x):
    return on_llvm(mod, x)[0]


def operators(mod):
    (function,) = [f for f in mod.functions.values() if is_eie_function(f)]
    return [
        binding.value.op.name
        for block in function.body.blocks
        for binding in block.bindings
        if isinstance(binding.value, relax.Call)
    ]


# Accepted


def test_composites_become_kernels():  # 1, 2
    assert_structural_equal(LowerToTIR()(Before), After)


def test_the_unscheduled_kernels_run_on_llvm():
    _, mod = partitioned((3, 5))
    x = RNG.integers(-9, 10, (3, 5)).astype(np.float32)
    np.testing.assert_array_equal(evaluate(LowerToTIR()(mod), x), x @ W1 + B1)


@pytest.mark.parametrize(
    ("shape", "batch", "reshapes"), [((5,), 1, 2), ((3, 5), 3, 0), ((2, 3, 5), 6, 2)]
)
def test_leading_dimensions_become_one_batch(shape, batch, reshapes):  # 2
    mod, composite = partitioned(shape)
    lowered = LowerToTIR()(composite)
    assert operators(lowered).count("relax.reshape") == reshapes
    (kernel,) = kernels(lowered).values()
    assert [int(extent) for extent in kernel.params[-1].shape] == [batch, 4]
    x = RNG.integers(-9, 10, shape).astype(np.float32)
    np.testing.assert_array_equal(evaluate(lowered, x), evaluate(mod, x))


def test_a_composite_tells_its_layer():
    (composite,) = [
        binding.value
        for block in Before["fused_eie"].body.blocks
        for binding in block.bindings
        if isinstance(binding.value, relax.Function) and binding.value.attrs["eie.layer"] == "fc1"
    ]
    layer = composite_layer(composite)
    assert (layer.name, layer.epilogue.epilogue.name, layer.batch) == ("fc1", "relu", 2)
    np.testing.assert_array_equal(layer.weights.value.numpy(), W1)
    np.testing.assert_array_equal(layer.bias, B1)
    assert (layer.shape.outputs, layer.shape.inputs) == (4, 5)


def test_branches_read_the_same_kernel_result():  # 1
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((2, 5), "float32"))
    with builder.function("main", [x]):
        trunk = builder.emit(relax.op.matmul(x, relax.const(W1)), "trunk")
        left = builder.emit(relax.op.matmul(trunk, relax.const(W2)), "left")
        right = builder.emit(relax.op.matmul(trunk, relax.const(W2 * 2)), "right")
        builder.emit_func_output(builder.emit(relax.op.subtract(right, left)))
    mod = Normalize()(builder.get())
    lowered = LowerToTIR()(Partition(HardwareConfig())(mod))
    assert sorted(kernels(lowered)) == ["left_kernel", "right_kernel", "trunk_kernel"]
    data = RNG.integers(-9, 10, (2, 5)).astype(np.float32)
    np.testing.assert_array_equal(evaluate(lowered, data), data @ W1 @ W2)


# Left alone


def test_functions_of_the_host_are_left_alone():  # 3
    mod, _ = partitioned((2, 5))
    assert_structural_equal(LowerToTIR()(mod), mod)


def test_functions_of_other_code_generators_are_left_alone():  # 3
    other = Before["fused_eie"].with_attr("Codegen", "dnnl")
    mod = tvm.IRModule({"fused_other": other.with_attr("global_symbol", "fused_other")})
    assert_structural_equal(LowerToTIR()(mod), mod)


def test_attributes_of_the_module_are_kept():
    mod = LowerToTIR()(Before.with_attr("eie.bias", "register"))
    assert dict(mod.attrs.items()) == {"eie.bias": "register"}
