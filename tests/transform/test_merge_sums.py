"""`MergeSums`: a sum of layers becomes one layer. Numbers are those of its docstring."""

import numpy as np
import pytest
import tvm
from hypothesis import given, settings
from hypothesis import strategies as st
from on_llvm import on_llvm
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.transform.layers import dense_layers
from eie_backend.transform.merge_sums import MergeSums
from eie_backend.transform.normalize import Normalize

RNG = np.random.default_rng(0)
WX = RNG.integers(-7, 8, (3, 4)).astype(np.float32)
WH = RNG.integers(-7, 8, (2, 4)).astype(np.float32)
WZ = RNG.integers(-7, 8, (5, 4)).astype(np.float32)
B = RNG.integers(-7, 8, 4).astype(np.float32)


def build(body, *shapes):
    """Return a module whose `main` computes ``body(builder, *inputs)``."""
    builder = relax.BlockBuilder()
    inputs = [relax.Var(f"x{i}", relax.TensorType(s, "float32")) for i, s in enumerate(shapes)]
    with builder.function("main", inputs):
        with builder.dataflow():
            output = builder.emit_output(body(builder, *inputs))
        builder.emit_func_output(output)
    return builder.get()


def layer(builder, x, weights, name="fc"):
    operand = weights if isinstance(weights, relax.Expr) else relax.const(weights)
    return builder.emit(relax.op.matmul(x, operand), name)


def check(mod, expected):
    """Merge; compare shapes of the layers and, with whole numbers, every value."""
    merged = MergeSums()(mod)
    found = {one.name: (*one.weights.shape, len(one.uses)) for one in dense_layers(merged)}
    assert found == expected
    arrays = [
        RNG.integers(-9, 10, tuple(map(int, p.ty.shape.values))).astype(np.float32)
        for p in mod["main"].params
    ]
    for value, reference in zip(on_llvm(merged, *arrays), on_llvm(mod, *arrays), strict=True):
        np.testing.assert_array_equal(value, reference)
    assert_structural_equal(MergeSums()(merged), merged)


def unchanged(mod):
    assert_structural_equal(MergeSums()(mod), mod)


# Accepted


def test_a_sum_with_a_bias_is_one_layer():
    @I.ir_module
    class Before:
        @R.function
        def main(x: R.Tensor((1, 3), "float32"), h: R.Tensor((1, 2), "float32")) -> R.Tensor(
            (1, 4), "float32"
        ):
            with R.dataflow():
                fc_x = R.matmul(x, R.const(WX))
                fc_h = R.matmul(h, R.const(WH))
                lv: R.Tensor((1, 4), "float32") = R.add(fc_x, fc_h)
                lv1: R.Tensor((1, 4), "float32") = R.add(lv, R.const(B))
                R.output(lv1)
            return lv1

    @I.ir_module
    class After:
        I.module_attrs({"eie.aliases": '{"fc": ["fc_x", "fc_h"]}'})

        @R.function
        def main(x: R.Tensor((1, 3), "float32"), h: R.Tensor((1, 2), "float32")) -> R.Tensor(
            (1, 4), "float32"
        ):
            with R.dataflow():
                lv = R.concat((x, h), axis=-1)
                fc = R.matmul(lv, R.const(np.concatenate([WX, WH])))
                lv1: R.Tensor((1, 4), "float32") = R.add(fc, R.const(B))
                R.output(lv1)
            return lv1

    merged = MergeSums()(Before)
    assert_structural_equal(merged, After)
    assert [(one.name, one.aliases) for one in dense_layers(merged)] == [("fc", ("fc_x", "fc_h"))]


def gates(builder, x, h):
    return builder.emit(
        relax.op.add(layer(builder, x, WX, "cell_ih"), layer(builder, h, WH, "cell_hh"))
    )


def test_a_merged_layer_answers_to_the_names_of_its_parts():  # 4
    aliases = {"cell_ih": ("w_ih", "same"), "cell_hh": ("w_hh", "same"), "other": ("o",)}
    before = with_attributes(build(gates, (1, 3), (1, 2)), aliases=aliases)
    merged = MergeSums()(before)
    (one,) = dense_layers(merged)
    assert (one.name, one.aliases) == ("cell", ("cell_ih", "w_ih", "same", "cell_hh", "w_hh"))
    assert attributes(merged).aliases == {"cell": one.aliases, "other": ("o",)}


def test_names_of_merged_layers_make_way_for_others():  # 4
    """The builder of a merged function may use variables that other functions have."""

    def others(builder, x):
        for name in ("lv", "lv1", "cell", "lv2", "lv3"):
            x = layer(builder, x, RNG.normal(size=(3, 3)).astype(np.float32), name)
        return x

    functions = {"main": build(gates, (1, 3), (1, 2))["main"], "b": build(others, (1, 3))["main"]}
    functions["b"] = functions["b"].with_attr("global_symbol", "b")
    found = [one.name for one in dense_layers(MergeSums()(tvm.IRModule(functions)))]
    assert sorted(found) == ["cell", "cell_1", "gv", "lv", "lv1", "lv2"]
    merged = MergeSums()(tvm.IRModule(functions))
    assert {one.name: one.weights.shape for one in dense_layers(merged)}["cell_1"] == (4, 5)


@pytest.mark.parametrize("order", ["x+b+h+b", "b+x+h", "x+h+b+b", "h+x", "x+h+z+b"])
def test_any_order_of_terms_and_biases(order):  # 1
    def body(builder, x, h, z):
        terms = {
            "x": lambda: layer(builder, x, WX),
            "h": lambda: layer(builder, h, WH),
            "z": lambda: layer(builder, z, WZ),
            "b": lambda: relax.const(B),
        }
        total, *others = (terms[name]() for name in order.split("+"))
        for other in others:
            total = builder.emit(relax.op.add(total, other))
        return builder.emit(relax.op.tanh(total))

    inputs = 3 + 2 + (5 if "z" in order else 0)
    check(build(body, (2, 3), (2, 2), (2, 5)), {"fc": (4, inputs, 1)})


def hoisted(builder, x, states, *, select):
    """Return sums as PyTorch makes them: all steps of x at once, then a slice for each."""
    steps = builder.emit(relax.op.add(layer(builder, x, WX, "fc_ih"), relax.const(B)))
    weights = relax.const(WH)
    results = []
    for step, h in enumerate(states):
        part = builder.emit(select(builder, steps, step))
        results.append(builder.emit(relax.op.add(part, layer(builder, h, weights, "fc_hh"))))
    return relax.Tuple(results)


def by_slice(builder, steps, step):
    part = builder.emit(relax.op.strided_slice(steps, [0], [step], [step + 1]))
    return relax.op.squeeze(part, [0])


def by_take(_builder, steps, step):
    return relax.op.take(steps, relax.const(step, "int64"), axis=0)


def by_flip(builder, steps, step):
    return by_slice(builder, builder.emit(relax.op.flip(steps, 0)), step)


def by_reshape(builder, steps, step):
    turned = builder.emit(relax.op.permute_dims(steps, [1, 0, 2]))
    part = builder.emit(relax.op.strided_slice(turned, [1], [step], [step + 1]))
    return relax.op.reshape(part, (1, 4))


@pytest.mark.parametrize("select", [by_slice, by_take, by_flip, by_reshape])
def test_slices_move_to_the_input(select):  # 1
    mod = build(lambda b, x, *h: hoisted(b, x, h, select=select), (2, 1, 3), (1, 2), (1, 2))
    check(mod, {"fc": (4, 5, 2)})


def test_a_sum_of_another_rank_is_reshaped():  # 1
    def body(builder, x, h):
        part = builder.emit(relax.op.squeeze(layer(builder, x, WX), [0]))
        return relax.op.add(layer(builder, h, WH), part)

    check(build(body, (1, 2, 3), (1, 2, 2)), {"fc": (4, 5, 1)})


def test_a_step_without_a_state_takes_zeros():  # 2
    def body(builder, x, h):
        weights = relax.const(WX)
        first = builder.emit(relax.op.add(layer(builder, x, weights), relax.const(B)))
        second = layer(builder, x, weights)
        second = builder.emit(relax.op.add(second, layer(builder, h, WH)))
        return relax.Tuple([first, second])

    check(build(body, (2, 3), (2, 2)), {"fc": (4, 5, 2)})


def test_a_slice_without_a_sum_takes_zeros():  # 2
    def body(builder, x, h):
        steps = layer(builder, x, WX)
        first, second = (builder.emit(by_slice(builder, steps, step)) for step in (0, 1))
        total = builder.emit(relax.op.add(first, layer(builder, h, WH)))
        return relax.Tuple([total, builder.emit(relax.op.negative(second))])

    check(build(body, (2, 1, 3), (1, 2)), {"fc": (4, 5, 2)})


@settings(max_examples=settings.default.max_examples // 6)
@given(data=st.data())
def test_values_stay(data):
    """Random trees of sums over few inputs and layers, some of which break the conditions."""
    weights = [relax.const(w) for w in (WX, WX[::-1].copy(), WX + 1)]

    def body(builder, x, h):
        values = [x, h]
        sums = []
        for _ in range(data.draw(st.integers(2, 6))):
            source = data.draw(st.sampled_from(values))
            sums.append(layer(builder, source, data.draw(st.sampled_from(weights))))
            if data.draw(st.booleans()):
                sums.append(builder.emit(relax.op.add(sums[-1], relax.const(B))))
            if data.draw(st.booleans()):
                left, right = (data.draw(st.sampled_from(sums)) for _ in range(2))
                sums.append(builder.emit(relax.op.add(left, right)))
            if data.draw(st.booleans()):
                part = builder.emit(relax.op.strided_slice(sums[-1], [1], [0], [3]))
                values.append(builder.emit(relax.op.clip(part, -9, 9)))
        return relax.Tuple(sums[-2:])

    before = build(body, (2, 3), (2, 3))
    arrays = [RNG.integers(-9, 10, (2, 3)).astype(np.float32) for _ in range(2)]
    merged = MergeSums()(before)
    for value, reference in zip(on_llvm(merged, *arrays), on_llvm(before, *arrays), strict=True):
        np.testing.assert_array_equal(value, reference)
    held = sum(one.weights.size for one in dense_layers(merged))
    assert held <= sum(one.weights.size for one in dense_layers(before))


# Left alone


def test_a_product_that_is_used_elsewhere():  # 3
    def body(builder, x, h):
        product = layer(builder, x, WX)
        return relax.Tuple([builder.emit(relax.op.add(product, layer(builder, h, WH))), product])

    unchanged(build(body, (2, 3), (2, 2)))


def test_a_product_whose_slices_and_the_whole_are_used():  # 3
    def body(builder, x, h):
        steps = layer(builder, x, WX)
        total = relax.op.add(builder.emit(by_slice(builder, steps, 0)), layer(builder, h, WH))
        return relax.Tuple([builder.emit(total), builder.emit(relax.op.tanh(steps))])

    unchanged(build(body, (2, 1, 3), (1, 2)))


def test_rows_that_would_be_multiplied_twice():  # 3
    def body(builder, x, h):
        product, weights = layer(builder, x, WX), relax.const(WH)
        return relax.Tuple(
            [
                builder.emit(relax.op.add(product, layer(builder, state, weights)))
                for state in (h, builder.emit(relax.op.tanh(h)))
            ]
        )

    unchanged(build(body, (2, 3), (2, 2)))


def test_a_layer_with_other_partners():  # 3
    def body(builder, x, h, z):
        weights = relax.const(WX)
        first = builder.emit(relax.op.add(layer(builder, x, weights), layer(builder, h, WH)))
        other = builder.emit(relax.op.tanh(x))
        second = builder.emit(relax.op.add(layer(builder, other, weights), layer(builder, z, WZ)))
        return relax.Tuple([first, second])

    unchanged(build(body, (2, 3), (2, 2), (2, 5)))


def test_a_layer_that_is_summed_with_itself():  # 3
    def body(builder, x, y):
        weights = relax.const(WX)
        return relax.op.add(layer(builder, x, weights), layer(builder, y, weights, "fc_1"))

    unchanged(build(body, (2, 3), (2, 3)))


def test_a_layer_of_two_functions():  # 3
    @I.ir_module
    class Two:
        @R.function
        def main(x: R.Tensor((2, 3), "float32"), h: R.Tensor((2, 2), "float32")) -> R.Tensor(
            (2, 4), "float32"
        ):
            with R.dataflow():
                a = R.matmul(x, R.const(WX))
                b = R.matmul(h, R.const(WH))
                y: R.Tensor((2, 4), "float32") = R.add(a, b)
                R.output(y)
            return y

        @R.function
        def other(x: R.Tensor((2, 3), "float32")) -> R.Tensor((2, 4), "float32"):
            with R.dataflow():
                c: R.Tensor((2, 4), "float32") = R.matmul(x, R.const(WX))
                R.output(c)
            return c

    normal = Normalize()(Two)
    assert_structural_equal(MergeSums()(normal), normal)


@pytest.mark.parametrize("shapes", [((2, 3), (1, 2)), ((2, 1, 3), (1, 2, 2))])
def test_a_sum_that_repeats_rows(shapes):  # 1
    unchanged(
        build(lambda b, x, h: relax.op.add(layer(b, x, WX), layer(b, h, WH, "fc_1")), *shapes)
    )


def test_a_value_between_product_and_sum():  # 1, 4
    def body(builder, x, h, scale):
        hidden = builder.emit(relax.op.multiply(scale, layer(builder, h, WH)))
        return relax.op.add(layer(builder, x, WX, "fc_1"), hidden)

    unchanged(build(body, (2, 3), (2, 2), (2, 4)))


@pytest.mark.parametrize(
    "columns",
    [
        lambda v: relax.op.strided_slice(v, [-1], [0], [2]),
        lambda v: relax.op.permute_dims(v, [1, 0]),
        lambda v: relax.op.reshape(v, (1, 16)),
        lambda v: relax.op.take(v, relax.const([3, 2, 1, 0], "int64"), axis=1),
        lambda v: relax.op.flip(v, 1),
    ],
)
def test_operations_that_do_not_move_whole_rows(columns):  # 1
    def body(builder, x, h):
        products = [layer(builder, x, WX), layer(builder, h, WH, "fc_1")]
        return relax.op.add(*(builder.emit(columns(product)) for product in products))

    unchanged(build(body, (4, 3), (4, 2)))


# NT-LSTM


def test_nt_lstm_is_one_matrix_of_1201_x_2400():
    """EIE, Table III: 600 inputs, 600 states and a bias to four gates of 600."""
    size, steps = 600, 2
    rng = np.random.default_rng(1)
    wx, wh = (
        relax.const(
            (rng.integers(1, 8, (size, 4 * size)) * (rng.random((size, 4 * size)) < 0.1)).astype(
                np.float32
            )
            / 64
        )
        for _ in range(2)
    )
    bias = relax.const(rng.integers(-7, 8, 4 * size).astype(np.float32) / 64)

    def body(builder, x, h, c):
        for step in range(steps):
            now = builder.emit(relax.op.take(x, relax.const(step, "int64"), axis=0))
            total = builder.emit(
                relax.op.add(layer(builder, now, wx, "cell_ih"), layer(builder, h, wh, "cell_hh"))
            )
            gates = builder.emit(relax.op.split(builder.emit(relax.op.add(total, bias)), 4, 1))
            i, f, g, o = (builder.emit(relax.TupleGetItem(gates, n)) for n in range(4))
            i, f, o = (builder.emit(relax.op.sigmoid(gate)) for gate in (i, f, o))
            kept = builder.emit(relax.op.multiply(f, c))
            new = builder.emit(relax.op.multiply(i, builder.emit(relax.op.tanh(g))))
            c = builder.emit(relax.op.add(kept, new))
            h = builder.emit(relax.op.multiply(o, builder.emit(relax.op.tanh(c))))
        return h

    mod = build(body, (steps, 1, size), (1, size), (1, size))
    data = {
        "x0": rng.normal(size=(steps, 1, size)).astype(np.float32),
        "x1": rng.normal(size=(1, size)).astype(np.float32),
        "x2": rng.normal(size=(1, size)).astype(np.float32),
    }
    library = eie.compile(mod, arithmetic="float32", bias="column")
    (program,) = programs(library)
    (matrix,) = program.matrices
    assert (matrix.rows, matrix.stored_cols) == (2400, 1201)
    report = eie.profile(library, data)
    assert [(one.name, one.vectors) for one in report.layers] == [("cell", steps)]
    assert report.layers[0].min_cycles > 0
