"""`verified`: modules beside a source that is known to be right, wrong, random or chaotic."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from tvm import relax
from tvm_ffi import structural_equal

from eie_backend.errors import ModelError
from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.transform.guards.guard_operands import GuardOperands
from eie_backend.verification import remembered
from eie_backend.verification.source import Operator
from eie_backend.verification.verified import verified

X = np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Remember nothing of other tests."""
    monkeypatch.setattr(remembered, "user_cache_path", lambda *_, **__: tmp_path / "cache")


def module(*operators):
    """Return a module that applies unary operators one after the other."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType(X.shape, "float32"))
    with builder.function("main", [x]):
        value = x
        for operator in operators:
            value = builder.emit(operator(value))
        builder.emit_func_output(value)
    return with_attributes(builder.get(), model_sha256="of the model")


class Steps:
    """A source of named steps: a NumPy function, and what it is imported as."""

    runtime, version, random = "NumPy", "2", ()
    cause, remedy = "a step is wrong", "correct it"
    halves = False

    def __init__(self, *steps):
        self.steps, self.runs = steps, 0

    def outputs(self, inputs):
        self.runs += 1
        (value,) = inputs
        for _, function, _ in self.steps:
            value = function(value)
        return [value]

    def operators(self, inputs):
        (value,) = inputs
        for name, function, imported in self.steps:
            result = function(value)
            yield Operator(name, name.upper(), [value], [result], lambda one=imported: module(one))
            value = result


def wrong(x):
    return relax.op.tanh(relax.op.add(x, relax.const(np.float32(0.25))))


def said(mod, source, **options):
    return attributes(verified(mod, source, [X], **options)).verified


class Step(NamedTuple):
    name: str
    function: Callable
    imported: Callable


TANH, EXP = Step("tanh", np.tanh, relax.op.tanh), Step("exp", np.exp, relax.op.exp)


def test_results_that_agree():
    source = Steps(TANH, EXP)
    assert said(module(relax.op.tanh, relax.op.exp), source) == "its results are those of NumPy"
    assert source.runs == 1, "it looks for a culprit though there is none"


def test_the_first_operator_that_deviates_is_named():
    source = Steps(EXP, ("tanh", np.tanh, wrong), ("abs", np.abs, wrong))
    with pytest.raises(
        ModelError, match=r"^node 'tanh' \(TANH\) differs by up to .*, by NumPy: .*; "
    ):
        verified(module(relax.op.exp, wrong, relax.op.abs), source, [X])


def test_an_operator_that_is_as_defined_where_the_runtime_is_not():
    class Defined(Steps):
        def operators(self, inputs):
            for one in super().operators(inputs):
                yield replace(one, by_definition=lambda: [np.tanh(inputs[0] + np.float32(0.25))])

    found = said(module(wrong), Defined(TANH._replace(imported=wrong)))
    assert found.endswith("one by one, but for what their definition says otherwise: tanh")


def test_an_operator_that_cannot_be_compiled_is_named():
    def unknown(x):
        return relax.call_pure_packed("no.such.function", x, ty_args=[x.ty])

    source = Steps(EXP, ("tanh", np.tanh, unknown))
    with pytest.raises(ModelError, match=r"^node 'tanh' \(TANH\) cannot be compiled: "):
        verified(module(relax.op.exp, unknown), source, [X])


def test_operators_that_are_right_alone_and_wrong_together_are_our_fault():
    with pytest.raises(
        ModelError, match=r"each of its operators is right alone, so this is a fault of"
    ):
        verified(module(wrong), Steps(TANH), [X])


def test_what_is_random_is_not_called_wrong():
    rng = np.random.default_rng(0)
    source = Steps(("noise", lambda x: x + rng.normal(size=x.shape).astype(np.float32), wrong))
    source.random = ("noise",)
    assert said(module(wrong), source) == "its values were not compared: noise is random"


def test_what_rounding_decides_is_not_called_wrong():
    """The parity of a large product hangs on its last digit."""

    def chaotic(x):
        return np.sin(x * np.float32(1e6))

    def rounded(x):
        return relax.op.sin(relax.op.multiply(x, relax.const(np.float32(1e6 * (1 + 3e-7)))))

    class Chaos(Steps):
        def operators(self, inputs):
            return iter(())

    assert "rounding decides its results" in said(module(rounded), Chaos(("sin", chaotic, rounded)))


def test_what_is_nan_is_not_judged():
    """TVM's relu makes 0 of it, NumPy's maximum keeps it."""
    relu = ("relu", lambda x: np.maximum(x, 0), relax.op.nn.relu)
    found = attributes(verified(module(relax.op.nn.relu), Steps(relu), [X * np.nan])).verified
    assert found.startswith("its values were not compared: what is made of NaN")


def test_a_runtime_that_does_not_run_it():
    def refuses(_):
        raise RuntimeError("no such operator\nat all")

    found = said(module(relax.op.tanh), Steps(("tanh", refuses, relax.op.tanh)))
    assert found == "its values were not compared: NumPy does not run it: no such operator"


def test_out_of_memory_is_not_swallowed():
    def grows(_):
        raise MemoryError("too large")

    with pytest.raises(MemoryError):
        verified(module(relax.op.tanh), Steps(("tanh", grows, relax.op.tanh)), [X])


def test_a_module_that_takes_long():
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1 << 14, 1 << 10), "float32"))
    y = relax.Var("y", relax.TensorType((1 << 10, 1 << 14), "float32"))
    with builder.function("main", [x, y]):
        builder.emit_func_output(builder.emit(relax.op.matmul(x, y)))
    source = Steps(TANH)
    found = said(builder.get(), source)
    assert found.startswith("its values were not compared: 274,877,906,944 products and 0 other")
    assert source.runs == 0


# Once


def test_what_was_verified_is_remembered():
    mod, source = module(relax.op.tanh, relax.op.negative), Steps(TANH, ("neg", np.negative, None))
    assert said(mod, source) == said(mod, source)
    assert source.runs == 1
    other = Steps(*source.steps)
    other.version = "3"
    said(mod, other)
    assert other.runs == 1, "another version was believed"
    said(mod, source, remembers=False)
    assert source.runs == 2


def test_what_failed_is_not_remembered():
    source = Steps(("tanh", np.tanh, wrong))
    for _ in range(2):
        with pytest.raises(ModelError):
            verified(module(wrong), source, [X])


@pytest.mark.parametrize("what", ["a file", "a folder that is read only"])
def test_no_place_to_remember(monkeypatch, tmp_path, what):
    place = tmp_path / "cache"
    place.write_text("") if what == "a file" else place.mkdir(mode=0o500)
    monkeypatch.setattr(remembered, "user_cache_path", lambda *_, **__: place)
    assert said(module(relax.op.tanh), Steps(TANH)) == "its results are those of NumPy"


def test_the_module_is_the_same_but_for_the_note():
    mod = module(relax.op.tanh)
    assert structural_equal(verified(mod, Steps(TANH), [X])["main"], mod["main"])


def test_a_module_of_no_known_model_is_not_remembered():
    mod, source = module(relax.op.tanh).without_attr("eie.model_sha256"), Steps(TANH)
    assert said(mod, source) == said(mod, source)
    assert source.runs == 2


def logarithm(x):
    return np.log(x)


def test_where_the_source_has_nan_nothing_is_judged():
    source = Steps(Step("log", logarithm, relax.op.log))
    with np.errstate(invalid="ignore"):
        found = said(module(relax.op.log), source)
        assert found == "its results are those of NumPy where they are numbers"


def test_a_deviation_beside_nan_is_found():
    def slightly(x):
        return relax.op.multiply(relax.op.log(x), relax.const(np.float32(1.5)))

    with np.errstate(invalid="ignore"), pytest.raises(ModelError, match=r"^node 'log' \(LOG\)"):
        said(module(slightly), Steps(Step("log", logarithm, slightly)))


def test_behind_nan_nobody_is_blamed():
    """Runtimes differ in what they make of NaN, here in a maximum."""
    steps = [
        Step("log", logarithm, relax.op.log),
        Step("max", lambda x: np.fmax(x, 0.5), lambda x: relax.op.maximum(x, relax.const(0.5))),
    ]
    with np.errstate(invalid="ignore"):
        other = module(relax.op.log, lambda x: relax.op.minimum(x, relax.const(0.5)))
        assert said(other, Steps(*steps)).startswith("its values were not compared: what is made ")


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_results_in_half_precision_are_judged(kind):
    dtype = np.dtype(kind) if kind == "float16" else pytest.importorskip("ml_dtypes").bfloat16
    half = Step("tanh", lambda x: np.tanh(x).astype(dtype), relax.op.tanh)
    assert said(module(relax.op.tanh), Steps(half)) == "its results are those of NumPy"
    with pytest.raises(ModelError, match=r"^node 'tanh'"):
        said(module(wrong), Steps(half._replace(imported=wrong)))


def test_a_source_of_half_precision_rounds_more():
    coarse = Step("tanh", lambda x: np.tanh(x) * np.float32(1.005), relax.op.tanh)
    source = Steps(coarse)
    source.halves = True
    assert said(module(relax.op.tanh), source) == "its results are those of NumPy"


def test_a_module_that_refuses_what_was_generated():
    def checked(x):
        whole = relax.op.astype(x, "int32")
        return relax.op.astype(relax.op.divide(whole, relax.op.subtract(whole, whole)), "float32")

    mod = GuardOperands()(module(checked))
    found = said(mod, Steps(Step("divide", np.tanh, relax.op.tanh)))
    assert found.startswith("its values were not compared: it refuses generated inputs (")
    assert found.endswith("; give samples")


def test_what_the_module_became_is_part_of_what_is_remembered():
    source = Steps(TANH)
    said(module(relax.op.tanh), source)
    with pytest.raises(ModelError):
        said(module(wrong), Steps(TANH._replace(imported=wrong)))


def test_operators_that_cannot_be_shown():
    class Hidden(Steps):
        def operators(self, inputs):
            raise RuntimeError("no such type")
            yield

    found = said(module(wrong), Hidden(TANH))
    assert found == "its values were not compared: NumPy does not show its operators: no such type"
