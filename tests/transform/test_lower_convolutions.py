"""`LowerConvolutions`: convolutions become matmuls. Numbers are those of its docstring."""

import numpy as np
import pytest
import tvm
from on_llvm import on_llvm
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

from eie_backend.errors import ModelError
from eie_backend.transform.layers import dense_layers
from eie_backend.transform.lower_convolutions import LowerConvolutions
from eie_backend.transform.normalize import Normalize

# Small integers: sums are exact in any order, so values must be equal and not only near.
RNG = np.random.default_rng(0)


def integers(*shape):
    return RNG.integers(-7, 8, shape).astype(np.float32)


X = integers(2, 4, 7, 6)
W = integers(6, 4, 3, 3)
BIAS = integers(6)
POINT = integers(5, 6, 1, 1)


def build(body, *shapes, attrs=None):
    """Return a normalised module whose `main` computes ``body(builder, *inputs)``."""
    builder = relax.BlockBuilder()
    inputs = [relax.Var(f"x{i}", relax.TensorType(s, "float32")) for i, s in enumerate(shapes)]
    with builder.function("main", inputs):
        with builder.dataflow():
            result = builder.emit_output(body(builder, *inputs), "out")
        builder.emit_func_output(result)
    return Normalize()(builder.get()).with_attrs(attrs or {})


def conv(builder, x, weights, name="conv", dims=2, **options):
    operator = getattr(relax.op.nn, f"conv{dims}d")
    return builder.emit(operator(x, relax.const(weights), **options), name)


def evaluate(mod, *arrays):
    return on_llvm(mod, *arrays)[0]


def operators(mod):
    return [
        binding.value.op.name.removeprefix("relax.")
        for block in mod["main"].body.blocks
        for binding in block.bindings
        if isinstance(binding.value, relax.Call)
    ]


def check(mod, *arrays):
    """Lower a module and compare its values; return it."""
    lowered = LowerConvolutions()(mod)
    np.testing.assert_array_equal(evaluate(lowered, *arrays), evaluate(mod, *arrays))
    assert_structural_equal(LowerConvolutions()(lowered), lowered)
    return lowered


@I.ir_module
class Pointwise:
    @R.function
    def main(x: R.Tensor((2, 6, 7, 6), "float32")) -> R.Tensor((2, 5, 7, 6), "float32"):
        with R.dataflow():
            squeeze = R.nn.conv2d(x, R.const(POINT))
            lv = R.add(R.const(BIAS[:5].reshape(1, 5, 1, 1)), squeeze)
            lv1 = R.nn.relu(lv)
            R.output(lv1)
        return lv1


@I.ir_module(check_well_formed=False)
class LoweredPointwise:
    I.module_attrs({"eie.convolutions": {"squeeze": {"name": "squeeze", "groups": 1}}})

    @R.function
    def main(x: R.Tensor((2, 6, 7, 6), "float32")) -> R.Tensor((2, 5, 7, 6), "float32"):
        with R.dataflow():
            lv = R.permute_dims(x, axes=[0, 2, 3, 1])
            squeeze = R.matmul(lv, R.const(np.ascontiguousarray(POINT[:, :, 0, 0].T)))
            lv1 = R.add(squeeze, R.const(BIAS[:5]))
            lv2 = R.nn.relu(lv1)
            gv = R.permute_dims(lv2, axes=[0, 3, 1, 2])
            R.output(gv)
        return gv


# Accepted


def test_a_pointwise_convolution_is_a_matmul_without_im2col():  # 3, 4, 6
    lowered = LowerConvolutions()(Pointwise)
    assert str(lowered.attrs) == str(LoweredPointwise.attrs)
    assert_structural_equal(lowered["main"], LoweredPointwise["main"])
    np.testing.assert_array_equal(evaluate(lowered, X6), evaluate(Pointwise, X6))


X6 = integers(2, 6, 7, 6)


def test_a_general_convolution_gathers_its_inputs_once_per_position():  # 1, 2
    mod = check(build(lambda b, x: conv(b, x, W, padding=1), X.shape), X)
    assert operators(mod) == ["permute_dims", "call_tir", "reshape", "matmul", "permute_dims"]
    (layer,) = dense_layers(mod)
    assert (layer.name, layer.source, layer.groups) == ("out", "out", 1)
    np.testing.assert_array_equal(layer.weights, W.transpose(0, 2, 3, 1).reshape(6, -1))


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((2, 4, 9), (6, 4, 3), {"strides": 2, "padding": (2, 1)}),
        ((1, 4, 9, 8), (6, 4, 5, 2), {"strides": (3, 1), "padding": (1, 0, 2, 3)}),
        ((2, 4, 9, 8), (6, 4, 3, 3), {"dilation": (2, 3)}),
        ((2, 4, 9, 8), (6, 4, 1, 1), {"strides": 2}),
        ((2, 4, 3, 3), (6, 4, 1, 1), {"padding": 1}),
        ((2, 4, 5, 4, 3), (6, 4, 2, 3, 1), {"padding": 1}),
    ],
    ids=["1d", "2d", "dilation", "strided point", "padded point", "3d"],
)
def test_any_geometry(shape, kernel, options):  # 1
    x, weights = integers(*shape), integers(*kernel)
    mod = build(lambda b, x: conv(b, x, weights, dims=len(shape) - 2, **options), shape)
    assert "matmul" in operators(check(mod, x))


def test_channels_last_need_no_permutation():  # 1
    x, weights = integers(2, 7, 6, 4), integers(3, 3, 4, 6)
    layouts = {"data_layout": "NHWC", "kernel_layout": "HWIO"}
    mod = check(build(lambda b, x: conv(b, x, weights, **layouts), x.shape), x)
    assert operators(mod) == ["call_tir", "reshape", "matmul"]


def test_the_result_may_have_another_layout_than_the_input():  # 1
    options = {"data_layout": "NCHW", "out_layout": "NHWC"}
    mod = build(lambda b, x: conv(b, x, W, **options), X.shape)
    assert operators(LowerConvolutions()(mod))[-1] == "matmul"


@pytest.mark.parametrize("groups", [2, 4])
def test_groups_are_blocks_on_the_diagonal(groups):  # 2, 6
    weights = integers(8, 4 // groups, 3, 3) + 10
    mod = check(build(lambda b, x: conv(b, x, weights, groups=groups), X.shape), X)
    (layer,) = dense_layers(mod)
    assert layer.groups == groups
    blocks = layer.weights.reshape(groups, 8 // groups, 9, groups, 4 // groups)
    filled = np.abs(blocks).sum(axis=(1, 2, 4)) > 0
    np.testing.assert_array_equal(filled, np.eye(groups, dtype=bool))
    assert np.count_nonzero(layer.weights) == weights.size


@pytest.mark.parametrize("shape", [(6, 1, 1), (1, 6, 1, 1), (), (1,)])
def test_every_bias_per_channel_moves_before_the_permutation(shape):  # 4
    values = np.broadcast_to(BIAS[: int(np.prod(shape))].reshape(shape), shape)

    def body(builder, x):
        total = builder.emit(relax.op.add(conv(builder, x, W), relax.const(np.array(values))))
        return builder.emit(relax.op.nn.relu(total))

    mod = check(build(body, X.shape), X)
    assert operators(mod)[-4:] == ["matmul", "add", "nn.relu", "permute_dims"]


def test_consecutive_convolutions_keep_channels_last():  # 4
    def body(builder, x):
        hidden = builder.emit(relax.op.nn.relu(conv(builder, x, W, "conv1")))
        return conv(builder, hidden, POINT, "conv2")

    mod = check(build(body, X.shape), X)
    assert operators(mod).count("permute_dims") == 2
    assert operators(mod)[-4:] == ["matmul", "nn.relu", "matmul", "permute_dims"]


def test_a_result_may_be_read_before_and_after_its_bias():  # 4
    def body(builder, x):
        product = conv(builder, x, W)
        total = builder.emit(relax.op.add(product, relax.const(BIAS.reshape(6, 1, 1))))
        return builder.emit(relax.op.multiply(builder.emit(relax.op.nn.relu(total)), product))

    check(build(body, X.shape), X)


@pytest.mark.parametrize("mode", ["auto", "always", "never"])
def test_winograd_products_are_sixteen_matmuls(mode):  # 5, 6
    weights = integers(6, 4, 3, 3) * 4  # U has quarters
    mod = build(lambda b, x: conv(b, x, weights, padding=1), X.shape, attrs={"eie.winograd": mode})
    layers = dense_layers(check(mod, X))
    products = [(f"out_w{k}", "out") for k in range(16)]
    # Auto leaves these weights alone: they have 14 values.
    expected = products if mode == "always" else [("out", "out")]
    assert [(layer.name, layer.source) for layer in layers] == expected


def test_winograd_names_make_way_for_others():  # 2, 5
    def body(builder, x):
        first = conv(builder, x, 4 * W, "conv")
        return conv(builder, first, POINT, "conv_w3", padding=1)

    mod = build(body, X.shape, attrs={"eie.winograd": "always"})
    mod = tvm.IRModule({"main": mod["main"]}, attrs=mod.attrs)
    names = [layer.name for layer in dense_layers(check(mod, X))]
    assert len(set(names)) == 17


def test_products_answer_to_the_names_of_their_convolution():  # 5
    for mode, names in (("never", ["conv"]), ("always", [f"conv_w{k}" for k in range(16)])):
        attrs = {"eie.winograd": mode, "eie.aliases": '{"conv": ["node_conv2d"], "fc": ["f"]}'}
        mod = build(lambda b, x: conv(b, conv(b, x, 4 * W), POINT), X.shape, attrs=attrs)
        layers = [one for one in dense_layers(check(mod, X)) if one.source == "conv"]
        assert [layer.name for layer in layers] == names
        others = {layer.aliases for layer in layers}
        assert others == {("node_conv2d",)}


def test_names_of_products_differ():  # 5
    """Of a convolution whose names make way, and of one that has the name to which they do."""

    def body(builder, x):
        weights = [4 * integers(4, 4, size, size) for size in (3, 1, 3, 1)]
        for name, one in zip(("conv", "conv_w3", "conv_", "last"), weights, strict=True):
            x = conv(builder, x, one, name, padding=1)
        return x

    mod = build(body, X.shape, attrs={"eie.winograd": "always"})
    lowered = check(tvm.IRModule({"main": mod["main"]}, attrs=mod.attrs), X)
    names = [layer.name for layer in dense_layers(lowered)]
    assert len(set(names)) == len(names) == 34
    assert names.count("conv_w3") == 1


def test_attributes_of_the_module_are_kept():  # 6
    mod = build(lambda b, x: conv(b, x, W), X.shape, attrs={"eie.recipe": "{}"})
    assert str(LowerConvolutions()(mod).attrs["eie.recipe"]) == "{}"


def test_an_unknown_choice_is_refused():  # 5
    mod = build(lambda b, x: conv(b, x, W), X.shape, attrs={"eie.winograd": "perhaps"})
    with pytest.raises(ModelError) as error:
        LowerConvolutions()(mod)
    assert str(error.value) == ("winograd 'perhaps' is unknown; choose one of auto, always, never")


# Left alone


def test_weights_that_are_no_constants():  # 7
    mod = build(lambda b, x, w: b.emit(relax.op.nn.conv2d(x, w)), X.shape, W.shape)
    assert_structural_equal(LowerConvolutions()(mod), mod)


def test_a_dynamic_batch():  # 7
    batch = tvm.tirx.Var("n", "int64")
    mod = build(lambda b, x: conv(b, x, W), (batch, 4, 7, 6))
    assert_structural_equal(LowerConvolutions()(mod), mod)


def test_a_bias_of_another_shape_stays_after_the_permutation():  # 7
    def body(builder, x):
        total = relax.op.add(conv(builder, x, W), relax.const(integers(1, 1, 5, 1)))
        return builder.emit(relax.op.nn.relu(builder.emit(total)))

    mod = check(build(body, X.shape), X)
    assert operators(mod)[-4:] == ["matmul", "permute_dims", "add", "nn.relu"]


def test_a_module_without_convolutions():  # 7
    mod = build(lambda b, x: b.emit(relax.op.nn.relu(x)), X.shape)
    assert LowerConvolutions()(mod).same_as(mod)
