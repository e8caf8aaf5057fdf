"""`Partition`: layers and their epilogues move to the machine. Numbers are its docstring's."""

import numpy as np
import pytest
import tvm
from on_llvm import on_llvm
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

import eie_backend
from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.lower.lower_to_tir import is_eie_function
from eie_backend.transform.normalize import Normalize
from eie_backend.transform.partition import Partition

MACHINE = HardwareConfig(num_pe=4, act_sram_bytes=32)
# Small integers: sums are exact in any order, so values must be equal and not only near.
RNG = np.random.default_rng(0)
W1 = RNG.integers(-7, 8, (5, 4)).astype(np.float32)
WIDE = RNG.integers(-7, 8, (64, 4)).astype(np.float32)
W2 = RNG.integers(-7, 8, (4, 3)).astype(np.float32)
W3 = RNG.integers(-7, 8, (4, 3)).astype(np.float32)
B1 = RNG.integers(-7, 8, 4).astype(np.float32)
B2 = RNG.integers(-7, 8, 3).astype(np.float32)


def build(body, *shapes, dtype="float32"):
    """Return a normalised module whose `main` computes ``body(builder, *inputs)``."""
    builder = relax.BlockBuilder()
    inputs = [relax.Var(f"x{i}", relax.TensorType(s, dtype)) for i, s in enumerate(shapes)]
    with builder.function("main", inputs):
        builder.emit_func_output(body(builder, *inputs))
    return Normalize()(builder.get())


def matmul(builder, x, weights, name):
    return builder.emit(relax.op.matmul(x, relax.const(weights)), name)


def composites(mod):
    """Return the pattern names of every ``eie`` function, by function."""
    return [
        [
            str(binding.value.attrs["Composite"])
            for block in function.body.blocks
            for binding in block.bindings
            if isinstance(binding.value, relax.Function)
        ]
        for function in mod.functions.values()
        if is_eie_function(function)
    ]


def host_operators(mod):
    return [
        binding.value.op.name
        for block in mod["main"].body.blocks
        for binding in block.bindings
        if isinstance(binding.value, relax.Call) and isinstance(binding.value.op, tvm.ir.Op)
    ]


def check_values(mod, *shapes, config=MACHINE):
    """Compare the machine in float32 with TVM's LLVM build of the module before `Partition`."""
    rng = np.random.default_rng(1)
    data = {f"x{i}": rng.integers(-9, 10, s).astype(np.float32) for i, s in enumerate(shapes)}
    expected = on_llvm(mod, *data.values())
    compiled = eie_backend.compile(mod, config, arithmetic="float32")
    report = eie_backend.profile(compiled, data)
    assert all(layer.counters["entries"] > 0 for layer in report.layers)
    for value, reference in zip(report.outputs, expected, strict=True):
        np.testing.assert_array_equal(value, reference)
    return [layer.name for layer in report.layers]


@I.ir_module
class Chain:
    @R.function
    def main(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            fc1: R.Tensor((2, 4), "float32") = R.matmul(x, R.const(W1))
            lv: R.Tensor((2, 4), "float32") = R.add(fc1, R.const(B1))
            lv1: R.Tensor((2, 4), "float32") = R.nn.relu(lv)
            fc2: R.Tensor((2, 3), "float32") = R.matmul(lv1, R.const(W2))
            R.output(fc2)
        return fc2


@I.ir_module
class PartitionedChain:
    @R.function
    def fused_relax_matmul_relax_add_relax_nn_relu_relax_matmul_eie(
        x: R.Tensor((2, 5), "float32"),
    ) -> R.Tensor((2, 3), "float32"):
        R.func_attr({"Codegen": "eie", "eie.machine": "num_pe=4,act_sram_bytes=32"})

        @R.function
        def first(x_1: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 4), "float32"):
            R.func_attr({"Composite": "eie.dense_bias_relu", "eie.layer": "fc1"})
            with R.dataflow():
                fc1: R.Tensor((2, 4), "float32") = R.matmul(x_1, R.const(W1))
                lv: R.Tensor((2, 4), "float32") = R.add(fc1, R.const(B1))
                gv: R.Tensor((2, 4), "float32") = R.nn.relu(lv)
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
        cls = PartitionedChain
        with R.dataflow():
            gv = cls.fused_relax_matmul_relax_add_relax_nn_relu_relax_matmul_eie(x)
            R.output(gv)
        return gv


# Accepted


def test_a_chain_becomes_one_function_with_a_composite_per_layer():  # 1, 2
    assert_structural_equal(Partition(MACHINE)(Chain), PartitionedChain)


def test_a_chain_gives_right_values():  # 2
    def body(builder, x):
        hidden = builder.emit(relax.op.add(matmul(builder, x, W1, "fc1"), relax.const(B1)))
        return matmul(builder, builder.emit(relax.op.nn.relu(hidden)), W2, "fc2")

    assert check_values(build(body, (2, 5)), (2, 5)) == ["fc1", "fc2"]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("shape", [(5,), (1, 5), (3, 5), (2, 3, 5)])
@pytest.mark.parametrize("relu", [False, True], ids=["", "relu"])
@pytest.mark.parametrize("bias", ["", "x + b", "b + x"])
def test_every_form_of_a_layer_runs_on_the_machine(shape, relu, bias):  # 1
    def body(builder, x):
        result = matmul(builder, x, W1, "fc")
        operands = [result, relax.const(B1)]
        if bias:
            result = builder.emit(relax.op.add(*(operands if bias == "x + b" else operands[::-1])))
        return builder.emit(relax.op.nn.relu(result)) if relu else result

    mod = build(body, shape)
    name = "eie.dense" + ("_bias" if bias else "") + ("_relu" if relu else "")
    assert composites(Partition(MACHINE)(mod)) == [[name]]
    assert check_values(mod, shape) == ["fc"]


def test_both_weight_layouts_are_the_same_layer():  # 1
    def transposed(builder, x):
        operand = builder.emit(relax.op.permute_dims(relax.const(np.ascontiguousarray(W1.T))))
        return builder.emit(relax.op.matmul(x, operand), "fc")

    plain = Partition(MACHINE)(build(lambda b, x: matmul(b, x, W1, "fc"), (2, 5)))
    assert_structural_equal(Partition(MACHINE)(build(transposed, (2, 5))), plain)


@pytest.mark.parametrize("shape", [(4,), (1, 4), (1, 1, 4)])
def test_a_bias_of_any_rank_is_a_bias(shape):  # 1
    def body(builder, x):
        bias = relax.const(B1.reshape(shape))
        return builder.emit(relax.op.add(matmul(builder, x, W1, "fc"), bias))

    mod = build(body, (2, 5))
    assert composites(Partition(MACHINE)(mod)) == [["eie.dense_bias"]]
    check_values(mod, (2, 5))


def test_a_bias_may_add_dimensions():  # 1
    def body(builder, x):
        bias = relax.const(B1.reshape(1, 1, 4))
        return builder.emit(relax.op.add(matmul(builder, x, W1, "fc"), bias))

    check_values(build(body, (5,)), (5,))


def test_two_layers_that_read_one_are_in_its_function():  # 2
    def body(builder, x):
        hidden = builder.emit(relax.op.nn.relu(matmul(builder, x, W1, "trunk")))
        left = matmul(builder, hidden, W2, "left")
        right = matmul(builder, hidden, W3, "right")
        return builder.emit(relax.op.subtract(left, right))

    mod = build(body, (2, 5))
    partitioned = Partition(MACHINE)(mod)
    assert composites(partitioned) == [["eie.dense_relu", "eie.dense", "eie.dense"]]
    assert host_operators(partitioned) == ["relax.subtract"]
    assert check_values(mod, (2, 5)) == ["trunk", "left", "right"]


def test_a_result_may_also_be_read_by_the_next_layer():  # 2
    def body(builder, x):
        hidden = builder.emit(relax.op.nn.relu(matmul(builder, x, W1, "fc1")))
        return relax.Tuple([matmul(builder, hidden, W2, "fc2"), hidden])

    check_values(build(body, (2, 5)), (2, 5))


def test_two_layers_that_read_the_input_give_right_values():  # 2
    def body(builder, x):
        both = [matmul(builder, x, W1, "left"), matmul(builder, x, -W1, "right")]
        return relax.Tuple(both[::-1])

    check_values(build(body, (2, 5)), (2, 5))


def test_two_inputs_give_right_values():  # 2
    def body(builder, x, y):
        left, right = matmul(builder, x, W1, "left"), matmul(builder, y, W1, "right")
        return builder.emit(relax.op.add(left, right))

    check_values(build(body, (2, 5), (3, 1, 5)), (2, 5), (3, 1, 5))


def test_a_second_relu_stays_on_the_host():  # 1, 3
    def body(builder, x):
        once = builder.emit(relax.op.nn.relu(matmul(builder, x, W1, "fc")))
        return builder.emit(relax.op.nn.relu(once))

    mod = build(body, (2, 5))
    assert host_operators(Partition(MACHINE)(mod)) == ["relax.nn.relu"]
    check_values(mod, (2, 5))


@pytest.mark.parametrize("bias", [False, True])
def test_a_layer_used_several_times_is_one_program(bias):  # 4
    def body(builder, x):
        for _ in range(3):
            x = matmul(builder, x, W1[:4], "cell")
            x = builder.emit(relax.op.add(x, relax.const(B1))) if bias else x
            x = builder.emit(relax.op.nn.relu(x))
        return matmul(builder, x, W2, "last")

    mod = build(body, (2, 4))
    kind = "eie.dense_bias_relu" if bias else "eie.dense_relu"
    assert sorted(composites(Partition(MACHINE)(mod))) == [["eie.dense"], [kind]]
    assert check_values(mod, (2, 4)) == ["cell", "last"]
    programs = eie_backend.codegen.library.programs(eie_backend.compile(mod, MACHINE))
    assert sorted(len(program.matrices) for program in programs) == [1, 1]


def test_uses_with_another_epilogue_are_other_programs():  # 4
    def body(builder, x):
        h = builder.emit(relax.op.nn.relu(matmul(builder, x, W1[:4], "cell")))
        return matmul(builder, builder.emit(relax.op.abs(h)), W1[:4], "again")

    mod = build(body, (2, 4))
    assert sorted(composites(Partition(MACHINE)(mod))) == [["eie.dense"], ["eie.dense_relu"]]
    assert check_values(mod, (2, 4)) == ["cell", "cell"]


# Left alone


@pytest.mark.parametrize("escaping", ["product", "sum"])
def test_an_inner_value_that_is_used_elsewhere_splits_the_layer(escaping):  # 1
    def body(builder, x):
        product = matmul(builder, x, W1, "fc")
        total = builder.emit(relax.op.add(product, relax.const(B1)))
        kept = product if escaping == "product" else total
        result = builder.emit(relax.op.nn.relu(total))
        return relax.Tuple([builder.emit(relax.op.negative(kept)), result])

    mod = build(body, (2, 5))
    expected = {"product": ["eie.dense"], "sum": ["eie.dense_bias"]}
    assert composites(Partition(MACHINE)(mod)) == [expected[escaping]]
    check_values(mod, (2, 5))


def test_inner_values_may_be_results():  # 1
    def body(builder, x):
        product = matmul(builder, x, W1, "fc")
        total = builder.emit(relax.op.add(product, relax.const(B1)))
        return relax.Tuple([product, total, builder.emit(relax.op.nn.relu(total))])

    check_values(build(body, (2, 5)), (2, 5))


def test_a_layer_beyond_the_limits_stays_on_the_host():  # 1
    def body(builder, x):
        wide = matmul(builder, x, WIDE, "wide")
        return matmul(builder, wide, W2, "fc2")

    mod = build(body, (2, 64))
    partitioned = Partition(MACHINE)(mod)
    assert composites(partitioned) == [["eie.dense"]]
    assert host_operators(partitioned) == ["relax.matmul"]
    assert check_values(mod, (2, 64)) == ["fc2"]


def test_weights_of_host_layers_keep_their_values():  # 1
    values = np.arange(256).reshape(64, 4).astype(np.float32)

    def body(builder, x):
        integer = builder.emit(relax.op.astype(x, "int32"))
        counts = relax.const(np.arange(128).reshape(64, 2).astype(np.int32), "int32")
        return relax.Tuple(
            [
                matmul(builder, matmul(builder, x, values, "wide"), W2, "fc2"),
                builder.emit(relax.op.matmul(integer, counts)),
            ]
        )

    assert check_values(build(body, (2, 64)), (2, 64)) == ["fc2"]


@pytest.mark.parametrize("bias", [np.float32(3), np.ones((2, 4), np.float32), B1[:, None]])
def test_an_addition_of_another_shape_stays_on_the_host(bias):  # 1
    def body(builder, x):
        total = relax.op.add(matmul(builder, x, W1[:, :1], "fc"), relax.const(np.array(bias)))
        return builder.emit(relax.op.nn.relu(builder.emit(total)))

    rows = 4 if np.shape(bias) == (4, 1) else 2
    mod = build(body, (rows, 5))
    partitioned = Partition(MACHINE)(mod)
    assert composites(partitioned) == [["eie.dense"]]
    assert host_operators(partitioned) == ["relax.add", "relax.nn.relu"]
    check_values(mod, (rows, 5))


def test_an_operation_between_layers_parts_them():  # 2, 3
    def body(builder, x):
        hidden = builder.emit(relax.op.abs(matmul(builder, x, W1, "fc1")))
        return matmul(builder, hidden, W2, "fc2")

    mod = build(body, (2, 5))
    partitioned = Partition(MACHINE)(mod)
    assert composites(partitioned) == [["eie.dense"], ["eie.dense"]]
    assert host_operators(partitioned) == ["relax.abs"]
    assert sorted(check_values(mod, (2, 5))) == ["fc1", "fc2"]


def test_a_module_without_layers_is_left_alone():  # 3
    mod = build(lambda b, x: b.emit(relax.op.nn.softmax(x)), (2, 5))
    assert_structural_equal(Partition(MACHINE)(mod), mod)


@pytest.mark.parametrize("command", [eie_backend.compile, eie_backend.explain])
def test_a_module_with_conditions_is_refused(command):  # 6
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((2, 5), "float32"))
    yes = relax.Var("yes", relax.TensorType((), "bool"))
    with builder.function("main", [x, yes]):
        hidden = matmul(builder, x, W1, "fc1")
        branches = [relax.SeqExpr([], hidden), relax.SeqExpr([], hidden)]
        builder.emit_func_output(builder.emit(relax.If(yes, *branches), "chosen"))
    with pytest.raises(ModelError, match=r"^chosen \(If\): data decide which branch runs"):
        command(Normalize()(builder.get()))


def test_a_product_of_inputs_is_left_alone():  # 1
    mod = build(lambda b, x, y: b.emit(relax.op.matmul(x, y)), (2, 5), (5, 2))
    assert_structural_equal(Partition(MACHINE)(mod), mod)
