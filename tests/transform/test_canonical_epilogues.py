"""How models spell the machine's activation functions, and what is none of them."""

import numpy as np
import pytest
import tvm
from hypothesis import given, settings
from hypothesis import strategies as st
from on_llvm import on_llvm
from tvm import relax

from eie_backend.transform.canonical_epilogues import CanonicalEpilogues
from eie_backend.transform.layers import is_call

op = relax.op
SHAPE = (2, 3)


def number(value, shape=()):
    return relax.const(np.full(shape, value, np.float32))


def build(body, outputs=lambda values: values[-1]):
    """Return a module from `body`, which emits values and returns them."""
    builder, x = relax.BlockBuilder(), relax.Var("x", relax.TensorType(SHAPE, "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            result = builder.emit_output(outputs(list(body(builder, x))))
        builder.emit_func_output(result)
    return builder.get()


def spelled(function):
    """Return a module whose calls are bound one by one."""

    def body(builder, x):
        return [builder.emit(builder.normalize(function(x)))]

    return build(body)


def calls(mod):
    bindings = [b for block in mod["main"].body.blocks for b in block.bindings]
    return [b.value for b in bindings if isinstance(b.value, relax.Call)]


def text(mod):
    """Return each call as operator and numbers."""
    found = []
    for call in calls(mod):
        numbers = [float(arg.value) for arg in call.args[1:] if isinstance(arg, tvm.tirx.FloatImm)]
        if is_call(call, "relax.nn.leakyrelu"):
            numbers = [float(call.attrs.alpha)]
        found.append((call.op.name.removeprefix("relax."), *numbers))
    return found


def evaluate(mod, x):
    return on_llvm(mod, x)[0]


X = np.array([[-7, -0.5, 0], [0.5, 3, 9]], np.float32)

ACCEPTED = {
    "maximum": (lambda x: op.maximum(x, number(0)), ("nn.relu",)),
    "maximum, swapped": (lambda x: op.maximum(number(0, (1, 3)), x), ("nn.relu",)),
    "clip without a bound": (lambda x: op.clip(x, 0, np.inf), ("nn.relu",)),
    "slope 0": (lambda x: op.nn.leakyrelu(x, 0.0), ("nn.relu",)),
    "min of relu": (lambda x: op.minimum(op.nn.relu(x), number(6)), ("clip", 0, 6)),
    "relu of min": (lambda x: op.nn.relu(op.minimum(number(6), x)), ("clip", 0, 6)),
    "clip of relu": (lambda x: op.clip(op.nn.relu(x), -1, 6), ("clip", 0, 6)),
    "relu of clip": (lambda x: op.nn.relu(op.clip(x, -3, 2)), ("clip", 0, 2)),
    "max of min of max": (
        lambda x: op.maximum(op.minimum(op.maximum(x, number(-2)), number(4)), number(0)),
        ("clip", 0, 4),
    ),
    "clip": (lambda x: op.clip(x, 0, 6), ("clip", 0, 6)),
    "constants behind casts": (
        lambda x: op.minimum(
            op.maximum(op.astype(relax.const(0, "int32"), "float32"), x),
            op.broadcast_to(op.astype(number(1.5), "float32"), SHAPE),
        ),
        ("clip", 0, 1.5),
    ),
    "prelu": (lambda x: op.nn.prelu(x, number(0.25, (3,)), 1), ("nn.leakyrelu", 0.25)),
    "prelu, one slope": (lambda x: op.nn.prelu(x, number(0.25, (1,)), 1), ("nn.leakyrelu", 0.25)),
    "max(x, s x)": (lambda x: op.maximum(x, op.multiply(x, number(0.5))), ("nn.leakyrelu", 0.5)),
    "max(s x, x)": (lambda x: op.maximum(op.multiply(number(0.5), x), x), ("nn.leakyrelu", 0.5)),
    "where >": (
        lambda x: op.where(op.greater(x, number(0)), x, op.multiply(x, number(0.5))),
        ("nn.leakyrelu", 0.5),
    ),
    "where >=": (
        lambda x: op.where(op.greater_equal(x, number(0, (2, 3))), x, op.multiply(x, number(0.5))),
        ("nn.leakyrelu", 0.5),
    ),
    "where <": (
        lambda x: op.where(op.less(x, number(0)), op.multiply(x, number(0.5)), x),
        ("nn.leakyrelu", 0.5),
    ),
}

LEFT_ALONE = {
    "bounds of other signs": lambda x: op.clip(x, -1, 1),
    "a lower bound above 0": lambda x: op.clip(x, 1, 6),
    "an upper bound of 0": lambda x: op.clip(x, 0, 0),
    "a bound per channel": lambda x: op.minimum(
        op.nn.relu(x), relax.const(np.array([1, 2, 3], np.float32))
    ),
    "a broadcast": lambda x: op.maximum(x, number(0, (4, 2, 3))),
    "a slope of 1": lambda x: op.nn.leakyrelu(x, 1.0),
    "a slope of 1.5": lambda x: op.nn.leakyrelu(x, 1.5),
    "a negative slope": lambda x: op.nn.leakyrelu(x, -0.5),
    "slopes per channel": lambda x: op.nn.prelu(
        x, relax.const(np.array([0.1, 0.2, 0.3], np.float32)), 1
    ),
    "max(x, 2 x)": lambda x: op.maximum(x, op.multiply(x, number(2))),
    "min(x, s x)": lambda x: op.minimum(x, op.multiply(x, number(0.5))),
    "where > 1": lambda x: op.where(op.greater(x, number(1)), x, op.multiply(x, number(0.5))),
    "where, the other way": lambda x: op.where(
        op.greater(x, number(0)), op.multiply(x, number(0.5)), x
    ),
    "another value": lambda x: op.where(
        op.greater(x, number(0)), x, op.multiply(op.exp(x), number(0.5))
    ),
    "threshold": lambda x: op.multiply(op.astype(op.greater(x, number(1)), "float32"), x),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name):
    spelling, expected = ACCEPTED[name]
    mod = spelled(spelling)
    made = CanonicalEpilogues()(mod)
    assert text(made) == [expected]
    np.testing.assert_array_equal(evaluate(made, X), evaluate(mod, X))
    again = CanonicalEpilogues()(made)
    tvm.ir.assert_structural_equal(again, made)


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_left_alone(name):
    mod = spelled(LEFT_ALONE[name])
    tvm.ir.assert_structural_equal(CanonicalEpilogues()(mod), mod)


def test_an_inner_call_that_is_read_elsewhere_stays():
    def body(builder, x):
        inner = builder.emit(op.nn.relu(x))
        return [inner, builder.emit(op.minimum(inner, number(6)))]

    mod = build(body, relax.Tuple)
    tvm.ir.assert_structural_equal(CanonicalEpilogues()(mod), mod)


bound = st.sampled_from([-np.inf, -2.0, -1.0, 0.0, 1.0, 2.0, np.inf])
step = st.one_of(
    st.tuples(st.just("max"), bound),
    st.tuples(st.just("min"), bound),
    st.just(("relu", 0.0)),
    st.tuples(st.just("clip"), st.tuples(bound, bound)),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(step, min_size=1, max_size=4))
def test_any_nest_of_bounds_keeps_its_values(steps):
    def function(x):
        for kind, value in steps:
            x = {
                "max": lambda x, v: op.maximum(x, number(v)),
                "min": lambda x, v: op.minimum(x, number(v)),
                "relu": lambda x, _: op.nn.relu(x),
                "clip": lambda x, v: op.clip(x, *v),
            }[kind](x, value)
        return x

    mod = spelled(function)
    found, expected = evaluate(CanonicalEpilogues()(mod), X), evaluate(mod, X)
    np.testing.assert_array_equal(found, expected)
