"""`calibrate` measures what the fixed-point formats must hold."""

import re

import numpy as np
import pytest
import tvm
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

import eie_backend
from eie_backend.errors import InputError, ModelError
from eie_backend.transform.normalize import Normalize
from eie_backend.tuning.calibration import calibrate

W1 = np.array([[1, -2], [3, 0], [0, -4]], np.float32)
B1 = np.array([-0.5, 1], np.float32)
W2 = np.array([[2], [-1]], np.float32)


def build(body, *shapes):
    builder = relax.BlockBuilder()
    inputs = [relax.Var(f"x{i}", relax.TensorType(s, "float32")) for i, s in enumerate(shapes)]
    with builder.function("main", inputs):
        builder.emit_func_output(body(builder, *inputs))
    return builder.get()


def matmul(builder, x, weights, name):
    return builder.emit(relax.op.matmul(x, relax.const(weights)), name)


def two_layers(builder, x):
    hidden = builder.emit(relax.op.add(matmul(builder, x, W1, "fc1"), relax.const(B1)))
    return matmul(builder, builder.emit(relax.op.nn.relu(hidden)), W2, "fc2")


def table(mod):
    return {
        str(layer): {str(key): float(value) for key, value in found.items()}
        for layer, found in mod.attrs["eie.calibration"].items()
    }


def array(*rows):
    return np.array(rows, np.float32)


# Ranges


def test_the_largest_magnitudes_of_every_layer():
    found = table(calibrate(build(two_layers, (1, 3)), array([1, -2, 5])))
    # fc1: 1 - 6 - 0.5 and -2 - 20 + 1; both negative, so that fc2 reads zeros
    assert found["fc1"] == {
        "input": 5.0,
        "partial_sum": 23.0,  # 22 of one sign, and the bias
        "product": 22.0,
        "sum": 21.0,
        "output": 0.0,
    }
    assert set(found["fc2"].values()) == {0.0}


def test_positive_and_negative_products_bound_a_partial_sum():
    found = table(calibrate(build(lambda b, x: matmul(b, x, W2, "fc"), (1, 2)), array([3, 4])))
    assert found["fc"]["partial_sum"] == 6.0
    assert found["fc"]["product"] == found["fc"]["sum"] == 2.0


def test_no_partial_sum_exceeds_its_bound_in_any_order():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(30, 5)).astype(np.float32)
    bias = rng.normal(size=5).astype(np.float32)

    def body(builder, x):
        return builder.emit(relax.op.add(matmul(builder, x, weights, "fc"), relax.const(bias)))

    x = rng.normal(size=(4, 30)).astype(np.float32)
    found = table(calibrate(build(body, (4, 30)), x))["fc"]
    products = x[:, :, None].astype(np.float64) * weights
    for order in [np.arange(30), *(rng.permutation(30) for _ in range(20))]:
        partial = bias + np.cumsum(products[:, order], axis=1)
        assert np.abs(partial).max() <= found["partial_sum"] * (1 + 1e-6)
    np.testing.assert_allclose(found["sum"], np.abs(x @ weights + bias).max(), rtol=1e-5)


def test_the_maximum_is_over_all_batches():
    mod = build(two_layers, (1, 3))
    data = array([1, -2, 5], [0, 7, 0], [2, 0, 0])
    apart = [table(calibrate(mod, row[None])) for row in data]
    together = table(calibrate(mod, data))
    for layer, ranges in together.items():
        for key, value in ranges.items():
            assert value == max(one[layer][key] for one in apart)
    assert together["fc2"]["input"] == 20.5


def test_leading_dimensions_are_samples():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 4, 3)).astype(np.float32)
    deep = table(calibrate(build(two_layers, (2, 4, 3)), x))
    flat = table(calibrate(build(two_layers, (8, 3)), x.reshape(8, 3)))
    vector = table(calibrate(build(two_layers, (3,)), x.reshape(8, 3)[0]))
    assert deep == flat
    assert vector["fc1"]["input"] == np.abs(x[0, 0]).max()


def test_the_maximum_is_over_all_uses_of_a_layer():
    def body(builder, x, y):
        left, right = matmul(builder, x, W1, "fc"), matmul(builder, y, W1, "fc_1")
        biased = builder.emit(relax.op.add(right, relax.const(B1)))
        return builder.emit(relax.op.subtract(left, biased))

    mod = build(body, (1, 3), (2, 3))
    found = table(calibrate(mod, {"x0": array([0, 0, 5]), "x1": array([7, 0, 0], [0, 0, 0])}))
    assert list(found) == ["fc"]
    assert found["fc"] == {
        "input": 7.0,
        "partial_sum": 20.0,
        "product": 20.0,
        "sum": 20.0,
        "output": 20.0,
    }


def test_inputs_are_given_by_name():
    def body(builder, x, y):
        left, right = matmul(builder, x, W1, "left"), matmul(builder, y, -W1, "right")
        return builder.emit(relax.op.subtract(left, right))

    mod = build(body, (1, 3), (1, 3))
    found = table(calibrate(mod, {"x1": array([0, 0, 2]), "x0": array([1, 0, 0])}))
    assert (found["left"]["input"], found["right"]["input"]) == (1.0, 2.0)


def test_layers_inside_a_chain_of_host_operations_are_measured():
    def body(builder, x):
        hidden = builder.emit(relax.op.abs(matmul(builder, x, W1, "fc1")))
        return matmul(builder, builder.emit(relax.op.exp(hidden)), W2, "fc2")

    found = table(calibrate(build(body, (1, 3)), array([0, 0, 0.5])))
    np.testing.assert_allclose(found["fc2"]["input"], np.exp(2), rtol=1e-5)


def test_an_addition_that_is_no_bias_is_not_counted():
    def body(builder, x):
        return builder.emit(
            relax.op.add(matmul(builder, x, W1, "fc"), relax.const(array([99, 98], [97, 96])))
        )

    found = table(calibrate(build(body, (2, 3)), array([1, 0, 0], [0, 0, 1])))
    assert found["fc"]["product"] == found["fc"]["sum"] == 4.0


def test_a_product_that_is_also_used_elsewhere_keeps_its_range():
    weights = np.array([[-8, 1], [1, 1]], np.float32)

    def body(builder, x):
        product = matmul(builder, x, weights, "fc")
        return relax.Tuple([product, builder.emit(relax.op.nn.relu(product))])

    mod, x = build(body, (1, 2)), array([100, 1])
    found = table(calibrate(mod, x))["fc"]
    assert (found["product"], found["output"]) == (799.0, 101.0)
    report = eie_backend.profile(eie_backend.compile(mod, calibration=x), x)
    np.testing.assert_allclose(report.outputs[0], [[-799, 101]], rtol=1e-3)
    assert set(report.saturations.values()) == {0}


# The module


def test_the_module_is_the_normalised_one_with_an_attribute():
    mod = build(two_layers, (1, 3)).with_attr("eie.recipe", "{}")
    found = calibrate(mod, array([1, -2, 5]))
    plain = found.without_attr("eie.calibration").without_attr("eie.formats")
    assert_structural_equal(plain, Normalize()(mod))


def test_the_last_calibration_counts():
    mod = build(two_layers, (1, 3))
    once = calibrate(mod, array([1, -2, 5]))
    assert table(calibrate(once, array([1, 0, 0]))) == table(calibrate(mod, array([1, 0, 0])))


def test_calibrated_formats_reach_the_machine():
    mod, x = build(two_layers, (1, 3)), array([0.25, 0.5, -0.125])
    assumed = eie_backend.run(eie_backend.compile(mod), x)[0]
    measured = eie_backend.run(eie_backend.compile(calibrate(mod, x)), x)[0]
    exact = np.maximum(x @ W1 + B1, 0) @ W2
    assert np.abs(measured - exact) <= np.abs(assumed - exact)
    np.testing.assert_allclose(measured, exact, atol=1e-3)


# Faults


def test_data_that_does_not_fit():
    message = "input x0: shape (1, 4), expected (1, 3) or several of them along the first axis"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        calibrate(build(two_layers, (1, 3)), np.zeros((1, 4), np.float32))


@pytest.mark.parametrize(("bad", "layers"), [(np.nan, "fc1"), (np.inf, "fc1"), (3e38, "fc1, fc2")])
def test_activations_that_are_no_numbers(bad, layers):
    message = f"calibrate: {layers}: NaN or infinite activations; check the data"
    with np.errstate(all="ignore"), pytest.raises(ModelError, match=f"^{message}$"):
        calibrate(build(two_layers, (1, 3)), array([bad, bad, -bad]))


def test_a_module_without_main():
    mod = build(two_layers, (1, 3))
    other = tvm.IRModule({"other": mod["main"].with_attr("global_symbol", "other")})
    with pytest.raises(
        ModelError, match=r"^calibrate: the module has no function `main`; give one that has$"
    ):
        calibrate(other, array([1, 2, 3]))


def test_control_flow():
    @I.ir_module
    class Branching:
        @R.function
        def main(c: R.Tensor((), "bool"), x: R.Tensor((1, 2), "float32")) -> R.Tensor(
            (1, 1), "float32"
        ):
            first = R.matmul(x, R.const(W2))
            if c:
                y = R.matmul(first, R.const(W2[:1]))
            else:
                y = first
            return y

    message = "calibrate: `main` has control flow; calibrate its branches apart"
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        calibrate(Branching, {"c": np.array(True), "x": array([1, 2])})


def test_inputs_are_looked_at_in_blocks(monkeypatch):
    mod = build(two_layers, (8, 3))
    x = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
    whole = table(calibrate(mod, x))
    monkeypatch.setattr("eie_backend.tuning.calibration.ROWS", 3)
    parts = table(calibrate(mod, x))
    assert parts.keys() == whole.keys()
    for name, found in parts.items():
        assert found == pytest.approx(whole[name], rel=1e-6)
