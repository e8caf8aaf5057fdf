"""What ONNX calls the activations of a recurrent cell, as Relax."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tvm import relax

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
    """An activation of ONNX; `alpha` and `beta` where a model gives none, None if it takes none."""

    formula: Formula
    alpha: float | None = None
    beta: float | None = None


ACTIVATIONS: Mapping[str, Named] = {
    "affine": Named(_affine, 1.0, 0.0),
    "elu": Named(_elu, 1.0),
    "hardsigmoid": Named(_hard_sigmoid, 0.2, 0.5),
    "leakyrelu": Named(_leaky_relu, 0.01),
    "relu": Named(lambda x, *_: op.nn.relu(x)),
    "scaledtanh": Named(_scaled_tanh, 1.0, 1.0),
    "sigmoid": Named(lambda x, *_: op.sigmoid(x)),
    "softplus": Named(_softplus),
    "softsign": Named(_softsign),
    "tanh": Named(lambda x, *_: op.tanh(x)),
    "thresholdedrelu": Named(_thresholded_relu, 1.0),
}
"""By name in lower case: ONNX's names differ in it from file to file."""
SIGMOID: Activation = op.sigmoid
TANH: Activation = op.tanh
RELU: Activation = op.nn.relu


def activation(name: str, alphas: list[float], betas: list[float]) -> Activation:
    """Return an activation by its name; takes its `alpha` and `beta` from the fronts of the lists.

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    known = ACTIVATIONS[name.lower()]
    alpha = alphas.pop(0) if known.alpha is not None and alphas else known.alpha or 0.0
    beta = betas.pop(0) if known.beta is not None and betas else known.beta or 0.0
    return lambda x: known.formula(x, alpha, beta, lambda value: constant(value, dtype_of(x)))
