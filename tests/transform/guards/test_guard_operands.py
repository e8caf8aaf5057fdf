"""Indices and divisors are checked before TVM's code uses them; nothing reads memory of others."""

import numpy as np
import pytest
import tvm
from hypothesis import given, settings
from hypothesis import strategies as st
from on_llvm import on_llvm
from tvm import relax
from tvm.ir import Op

import eie_backend as eie
from eie_backend.errors import InputError, ModelError
from eie_backend.transform.fold_constants import FoldConstants
from eie_backend.transform.guards.guard_operands import GuardOperands, is_check
from eie_backend.transform.guards.operator_kinds import GUARDED, HARMLESS, OWN, REFUSED, why_refused

DATA = np.arange(24, dtype=np.float32).reshape(4, 6)
W = np.eye(6, 3, dtype=np.float32)


def module(body, *inputs):
    """Return a module; `inputs` are arrays like the parameters."""
    builder = relax.BlockBuilder()
    params = [
        relax.Var(f"i{n}", relax.TensorType(one.shape, str(one.dtype)))
        for n, one in enumerate(inputs)
    ]
    with builder.function("main", params):
        with builder.dataflow():
            result = builder.emit(body(*params), "found")
            output = builder.emit_output(result)
        builder.emit_func_output(output)
    return builder.get()


def run(mod, *inputs):
    return on_llvm(mod, *inputs)[0]


def checks(mod):
    return sum(is_check(b.value) for block in mod["main"].body.blocks for b in block.bindings)


def const(values):
    array = np.asarray(values)
    return relax.const(array, str(array.dtype))  # which makes int32 of int64 unless told


def integers(*values):
    return np.array(values, np.int64)


# The tables


def test_every_operator_of_tvm_is_in_one_table():
    """A later release's operators are refused until somebody has looked at them."""
    guarded = [name.removeprefix("relax.") for name in GUARDED]
    ours = [*HARMLESS, *OWN, *REFUSED, *guarded]
    # Its bounds may become constant, and then are those of a strided_slice.
    ours.remove("dynamic_strided_slice")
    assert sorted({*ours}) == sorted(ours)
    assert {*ours} == {n.removeprefix("relax.") for n in Op.list_op_names() if "relax." in n}
    assert "does not know" in why_refused("relax.operator_of_a_later_release")


# Indices


INDEXED = {
    "take": (lambda i: relax.op.take(const(DATA), i, axis=1), integers(0, 5), 6, 0),
    "take of all": (lambda i: relax.op.take(const(DATA[0]), i), integers(0, 5), 6, 0),
    "gather_elements": (
        lambda i: relax.op.gather_elements(const(DATA), i, 1),
        integers([0, 5]),
        6,
        0,
    ),
    "gather_nd": (lambda i: relax.op.gather_nd(const(DATA), i), integers([0, 5]), 6, 0),
    "scatter_elements": (
        lambda i: relax.op.scatter_elements(const(DATA), i, const(DATA[:1, :2]), axis=1),
        integers([0, 5]),
        6,
        -6,
    ),
    "scatter_nd": (
        lambda i: relax.op.scatter_nd(const(DATA), i, const(DATA[0, :1])),
        integers([0, 5]),
        6,
        0,
    ),
    "index_tensor": (
        lambda i: relax.op.index_tensor(const(DATA), relax.Tuple([const(integers(0, 1)), i])),
        integers(0, 5),
        6,
        0,
    ),
    "index_put": (
        lambda i: relax.op.index_put(
            const(DATA), relax.Tuple([const(integers(0, 1)), i]), const(DATA[0, :2])
        ),
        integers(0, 5),
        6,
        -6,
    ),
    "roi_pool": (
        lambda i: relax.op.vision.roi_pool(const(DATA.reshape(2, 3, 2, 2)), i, (1, 1), 1.0),
        np.array([[0, 0, 0, 1, 1], [1, 0, 0, 1, 1]], np.float32),
        2,
        0,
    ),
    "left_shift": (
        lambda i: relax.op.left_shift(const(np.ones(2, np.int64)), i),
        integers(0, 63),
        64,
        0,
    ),
}
"""By operator: a call, good indices, and the extent and lowest index of their last place."""


def with_last(good, value):
    bad = good.copy()
    bad[(-1,) * good.ndim if good.shape[-1] != 5 else (-1, 0)] = value
    return bad


@pytest.mark.parametrize("operator", INDEXED)
def test_indices_are_checked_when_the_module_runs(operator):
    body, good, extent, low = INDEXED[operator]
    mod = module(body, good)
    guarded = GuardOperands()(mod)
    assert checks(guarded) >= 1
    np.testing.assert_array_equal(run(guarded, good), run(mod, good))
    for bad in (extent, low - 1, 99_999_999):
        with pytest.raises(InputError) as error:
            run(guarded, with_last(good, bad))
        assert f"found ({operator.split(' ')[0].replace('roi_pool', 'vision.roi_pool')})" in str(
            error.value
        )
        assert f"is outside {low}..{extent - 1}" in str(error.value)


@pytest.mark.parametrize("operator", INDEXED)
def test_constant_indices_are_checked_before_they_are_used(operator):
    body, good, extent, low = INDEXED[operator]
    assert checks(GuardOperands()(module(lambda: body(const(good))))) == 0
    for bad in (extent, low - 1):
        with pytest.raises(ModelError, match=rf"^found .*is outside {low}\.\.{extent - 1}"):
            FoldConstants()(module(lambda bad=bad: body(const(with_last(good, bad)))))


@pytest.mark.parametrize("operator", INDEXED)
def test_checking_twice_changes_nothing(operator):
    body, good, *_ = INDEXED[operator]
    once = GuardOperands()(module(body, good))
    assert GuardOperands()(once).same_as(once)


def test_a_check_for_one_table_is_none_for_a_smaller_one():
    def body(i):
        return relax.op.take(const(DATA), i, axis=1)

    once = GuardOperands()(module(body, integers(0, 5)))
    checked = next(b for b in once["main"].body.blocks[0].bindings if is_check(b.value))
    smaller = relax.op.take(const(DATA[:, :2]), checked.var, axis=1)
    builder = relax.BlockBuilder()
    with builder.function("main", [*once["main"].params]):
        with builder.dataflow():
            builder.emit_normalized(relax.VarBinding(checked.var, checked.value))
            output = builder.emit_output(builder.emit(smaller, "found"))
        builder.emit_func_output(output)
    guarded = GuardOperands()(builder.get())
    assert checks(guarded) == 2
    with pytest.raises(InputError, match=r"is outside 0\.\.1"):
        run(guarded, integers(0, 5))


def test_what_nobody_has_looked_at_is_refused_before_it_is_folded(monkeypatch):
    from eie_backend.transform.guards import operator_kinds

    monkeypatch.setattr(operator_kinds, "HARMLESS", HARMLESS - {"sin"})
    monkeypatch.setattr(relax.transform, "FoldConstant", lambda: pytest.fail)
    with pytest.raises(ModelError, match=r"found \(sin\): this release does not know"):
        FoldConstants()(module(lambda: relax.op.sin(const(DATA))))


def test_indices_that_folding_makes_constant_are_checked_before_they_are_used():
    def body(shift):
        index = relax.op.add(const(integers(1, 2)), const(integers(shift)))
        return relax.op.take(const(DATA), index, axis=0)

    assert checks(FoldConstants()(module(lambda: body(1)))) == 0
    with pytest.raises(ModelError, match=r"index 4 at \(1\) is outside 0\.\.3"):
        FoldConstants()(module(lambda: body(2)))


def test_a_mask_is_no_index():
    mask = const(np.array([True, False]))
    body = lambda: relax.op.take(const(DATA), mask, axis=0)  # noqa: E731
    with pytest.raises((ModelError, TypeError, ValueError), match=r"mask|integer"):
        GuardOperands()(module(body))


# Shapes


MISFITS = {
    "gather_elements": lambda: relax.op.gather_elements(
        const(DATA), const(np.zeros((5, 1), int)), 1
    ),
    "scatter_elements": lambda: relax.op.scatter_elements(
        const(DATA), const(np.zeros((2, 2), int)), const(DATA[:1, :2]), axis=1
    ),
    "index_put": lambda: relax.op.index_put(
        const(DATA), relax.Tuple([const(integers(0, 1))] * 2), const(DATA[0, :1])
    ),
    "split": lambda: relax.op.split(const(DATA), [3, 2], axis=1),
    "reflect": lambda: relax.op.nn.pad(const(DATA), [0, 0, 6, 0], "reflect"),
    "conv2d": lambda: relax.op.nn.conv2d(
        const(DATA.reshape(1, 1, 4, 6)), const(DATA[:2, :2].reshape(1, 1, 2, 2)), dilation=-1
    ),
    "cumsum": lambda: relax.op.cumsum(const(DATA), axis=7),
}


@pytest.mark.parametrize("operator", MISFITS)
def test_shapes_that_would_lead_outside(operator):
    with pytest.raises((ModelError, tvm.error.InternalError, ValueError, IndexError)):
        FoldConstants()(module(MISFITS[operator]))


def test_all_faults_at_once():
    def body():
        first = relax.op.take(const(DATA), const(integers(9)), axis=0)
        return relax.op.add(first, relax.op.take(const(DATA), const(integers(-3)), axis=0))

    with pytest.raises(ModelError) as error:
        FoldConstants()(module(body))
    assert "index 9" in str(error.value)
    assert "index -3" in str(error.value)


# Divisors


DIVISIONS = [relax.op.divide, relax.op.floor_divide, relax.op.floor_mod, relax.op.mod]


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
@pytest.mark.parametrize("divide", DIVISIONS, ids=lambda f: f.__name__)
def test_divisors(divide, dtype):
    lowest = np.iinfo(dtype).min
    above, below = np.array([[7, lowest]], dtype), np.array([[2], [-1]], dtype)
    mod = module(divide, above, below)
    guarded = GuardOperands()(mod)
    good = np.array([[2], [-2]], dtype)
    np.testing.assert_array_equal(run(guarded, above, good), run(mod, above, good))
    with pytest.raises(InputError, match=rf"found .*: {lowest} divided by -1 is no {dtype}"):
        run(guarded, above, below)
    np.testing.assert_array_equal(
        run(guarded, above[:, [0, 0]], below),
        [[3, 3], [-7, -7]]
        if (divide in (relax.op.divide, relax.op.floor_divide))
        else [[1, 1], [0, 0]],
    )
    with pytest.raises(InputError, match=r"found .*: divisor 0 at \(1, 0\)"):
        run(guarded, above, np.array([[2], [0]], dtype))
    with pytest.raises(ModelError, match=r"found .*divisor 0"):
        FoldConstants()(module(lambda: divide(const(above), const(below * 0))))
    with pytest.raises(ModelError, match=r"found .*divided by -1"):
        FoldConstants()(module(lambda: divide(const(above), const(below))))


def test_floats_may_be_divided_by_zero():
    zero = np.zeros(2, np.float32)
    guarded = GuardOperands()(module(relax.op.divide, zero, zero))
    assert checks(guarded) == 0
    assert np.isnan(run(guarded, zero, zero)).all()


# Drawn


@settings(max_examples=40)
@given(st.data())
def test_drawn_indices_give_numpys_values_or_are_refused(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    axis = data.draw(st.integers(0, len(shape) - 1))
    dtype = data.draw(st.sampled_from(["int32", "int64"]))
    table = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    index = np.array(
        data.draw(st.lists(st.integers(-2, shape[axis] + 1), min_size=1, max_size=6)), dtype
    )
    guarded = FoldConstants()(module(lambda i: relax.op.take(const(table), i, axis), index))
    if ((index >= 0) & (index < shape[axis])).all():
        np.testing.assert_array_equal(run(guarded, index), np.take(table, index, axis))
    else:
        with pytest.raises(InputError, match="is outside"):
            run(guarded, index)


def test_a_compiled_library_checks():
    """The checks are on the way of every model to the machine, beside its layers."""
    ids = integers([1, 3])

    builder = relax.BlockBuilder()
    i = relax.Var("i", relax.TensorType(ids.shape, "int64"))
    with builder.function("main", [i]):
        with builder.dataflow():
            rows = builder.emit(relax.op.take(const(DATA), i, axis=0), "embed")
            output = builder.emit_output(relax.op.matmul(rows, const(W)))
        builder.emit_func_output(output)
    mod = builder.get()
    assert [row.operator for row in eie.explain(mod)] == ["take", "matmul"]
    library = eie.compile(mod, eie.HardwareConfig(num_pe=2), arithmetic="float32")
    np.testing.assert_array_equal(eie.run(library, ids)[0], DATA[ids] @ W)
    with pytest.raises(InputError, match=r"is outside 0\.\.3"):
        eie.run(library, integers([1, 4]))


def test_what_is_checked_keeps_its_memory_while_it_is_read():
    """TVM's planner gives the memory of an argument to a later value, here the sampled image."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 4, 6, 6)).astype(np.float32)
    grid = rng.uniform(-1, 1, (2, 2, 6, 6)).astype(np.float32)
    x, g = (
        relax.Var(n, relax.TensorType(a.shape, "float32"))
        for n, a in zip("xg", (image, grid), strict=True)
    )
    builder = relax.BlockBuilder()
    with builder.function("main", [x, g]):
        with builder.dataflow():
            computed = builder.emit(relax.op.multiply(g, relax.const(0.5, "float32")))
            sampled = builder.emit(relax.op.image.grid_sample(x, computed))
            result = builder.emit_output(relax.op.negative(sampled))
        builder.emit_func_output(result)
    plain = builder.get()
    found = [run(mod, image, grid) for mod in (plain, GuardOperands()(plain))]
    np.testing.assert_array_equal(*found)
