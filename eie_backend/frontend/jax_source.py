"""`JaxSource`: a function of JAX, run by JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun
from numpy.typing import NDArray
from tvm import IRModule

from eie_backend.verification.source import Arrays, Operator


class JaxSource:
    """A function.

    Parameters
    ----------
    function : callable
        Takes and returns arrays.
    imported : callable
        Imports a function of a single operation, with its example inputs.
    """

    runtime = "JAX"
    version = str(jax.__version__)
    cause, remedy = "our converter is wrong", "report it with the function, use other operations"
    random: Sequence[str] = ()
    """JAX has no hidden state: the same inputs give the same results."""

    def __init__(self, function: Callable[..., Any], imported: Callable[..., IRModule]) -> None:
        self._function, self._imported = function, imported
        # As it is imported: called on NumPy's arrays, it might compute with NumPy.
        self._compiled = jax.jit(function)
        self._seen: Arrays = ()

    @property
    def halves(self) -> bool:
        """Whether a value is in half precision, for the inputs that were seen."""
        return "f16[" in str(jax.make_jaxpr(self._function)(*self._seen))

    def outputs(self, inputs: Arrays) -> Arrays:
        """Return the results; may raise what JAX raises."""
        self._seen = inputs
        return _arrays(self._compiled(*inputs))

    def operators(self, inputs: Arrays) -> Iterator[Operator]:
        """Yield the equations of the traced function with their values, in its order."""
        closed: ClosedJaxpr = jax.make_jaxpr(self._function)(*inputs)
        values: dict[Any, Any] = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
        values |= dict(zip(closed.jaxpr.invars, inputs, strict=True))
        varying = {*closed.jaxpr.invars}
        for equation in closed.jaxpr.eqns:
            names = [*dict.fromkeys(one for one in equation.invars if not isinstance(one, Literal))]
            given = [values[name] for name in names]
            program = Jaxpr(
                (),
                names,
                equation.outvars,
                [equation],
                equation.effects,
                closed.jaxpr.debug_info.with_unknown_names(),
            )
            alone = jaxpr_as_fun(ClosedJaxpr(program, ()))
            results = alone(*given)
            values |= dict(zip(equation.outvars, results, strict=True))
            changing = [n for n, name in enumerate(names) if name in varying]
            if not changing:
                continue
            varying |= {*equation.outvars}
            example = _arrays([given[n] for n in changing])
            where = str(equation.source_info.name_stack)
            yield Operator(
                where or equation.primitive.name,
                equation.primitive.name,
                example,
                _arrays(results),
                partial(self._imported, partial(_filled, alone, given, changing), *example),
            )


def _filled(
    function: Callable[..., Any], given: Sequence[Any], changing: Sequence[int], *inputs: Any
) -> Any:
    """Call a function with inputs in the places that change, and what was given in the others."""
    every = [*given]
    for place, value in zip(changing, inputs, strict=True):
        every[place] = value
    return function(*every)


def _arrays(values: Any) -> list[NDArray[Any]]:
    return [np.asarray(one) for one in jax.tree.leaves(values)]
