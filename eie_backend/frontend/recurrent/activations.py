"""What ONNX calls the activations of a recurrent cell, as Relax."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import constant, dtype_of

Activation = Callable[[relax.Expr], relax.Expr]
Constant = Callable[[float], relax.Expr]
"""Makes a constant of the value's dtype."""

Formula = Callable[[relax.Expr, float, float, Constant], relax.Expr]
"""Of a value, `alpha` and `beta`."""

op = relax.op


def _affine(x: relax.Expr, alpha: float, beta: float, const: Constant) -> relax.Expr:
    return op.add(op.multiply(const(alpha), x), const(beta))


def _elu(x: relax.Expr, alpha: float, _beta: float, const: Constant) -> relax.Expr:
    below = op.subtract(op.exp(op.minimum(x, const(0))), const(1))
    return op.add(op.maximum(x, const(0)), op.multiply(const(alpha), below))


def _hard_sigmoid(x: relax.Expr, alpha: float, beta: float, const: Constant) -> relax.Expr:
    return op.clip(_affine(x, alpha, beta, const), 0, 1)


def _leaky_relu(x: relax.Expr, alpha: float, _beta: float, const: Constant) -> relax.Expr:
    return op.where(op.greater_equal(x, const(0)), x, op.multiply(const(alpha), x))


def _scaled_tanh(x: relax.Expr, alpha: float, beta: float, const: Constant) -> relax.Expr:
    return op.multiply(const(alpha), op.tanh(op.multiply(const(beta), x)))


def _softplus(x: relax.Expr, _alpha: float, _beta: float, const: Constant) -> relax.Expr:
    """Return ``log(1 + exp(x))`` without overflow."""
    small = op.exp(op.negative(op.abs(x)))
    return op.add(op.maximum(x, const(0)), op.log(op.add(const(1), small)))


def _softsign(x: relax.Expr, _alpha: float, _beta: float, const: Constant) -> relax.Expr:
    return op.divide(x, op.add(const(1), op.abs(x)))


def _thresholded_relu(x: relax.Expr, alpha: float, _beta: float, const: Constant) -> relax.Expr:
    return op.where(op.greater_equal(x, const(alpha)), x, const(0))


@dataclass(frozen=True)
class Named:
    """An activation of ONNX, what it takes, and what `alpha` and `beta` are where none is given.

    Some have no such values: ONNX names others than ONNX Runtime takes.
    """

    formula: Formula
    takes: str = ""
    defaults: Sequence[float] = ()


ACTIVATIONS: Mapping[str, Named] = {
    "affine": Named(_affine, "ab"),
    "elu": Named(_elu, "a", [1.0]),
    "hardsigmoid": Named(_hard_sigmoid, "ab", [0.2, 0.5]),
    "leakyrelu": Named(_leaky_relu, "a", [0.01]),
    "relu": Named(lambda x, *_: op.nn.relu(x)),
    "scaledtanh": Named(_scaled_tanh, "ab"),
    "sigmoid": Named(lambda x, *_: op.sigmoid(x)),
    "softplus": Named(_softplus),
    "softsign": Named(_softsign),
    "tanh": Named(lambda x, *_: op.tanh(x)),
    "thresholdedrelu": Named(_thresholded_relu, "a"),
}
"""By name in lower case: ONNX's names differ in it from file to file."""
SIGMOID: Activation = op.sigmoid
TANH: Activation = op.tanh
RELU: Activation = op.nn.relu


def activation(name: str, alphas: list[float], betas: list[float]) -> Activation:
    """Return an activation by its name; takes its `alpha` and `beta` from the fronts of the lists.

    Raises
    ------
    ModelError
        If there is none of that name, or it has no `alpha` or `beta`.
    """
    known = ACTIVATIONS.get(name.lower())
    if known is None:
        raise ModelError(f"activation {name}, it must be one of {', '.join(ACTIVATIONS)}")
    values = {"a": 0.0, "b": 0.0, **dict(zip(known.takes, known.defaults, strict=False))}
    for letter, given in (("a", alphas), ("b", betas)):
        if letter in known.takes and given:
            values[letter] = given.pop(0)
        elif letter in known.takes and not known.defaults:
            raise ModelError(
                f"activation {name} has no {'alpha' if letter == 'a' else 'beta'}, for which "
                "runtimes have different defaults; give it"
            )
    formula, alpha, beta = known.formula, values["a"], values["b"]
    return lambda x: formula(x, alpha, beta, lambda value: constant(value, dtype_of(x)))
