"""`from_jax`: a JAX function as a Relax module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import IRModule

from eie_backend.errors import ModelError, first_line
from eie_backend.frontend.stablehlo import from_stablehlo


def from_jax(function: Callable[..., Any], *example: Any) -> IRModule:
    """Import a JAX function.

    Parameters
    ----------
    function : callable
        Takes and returns float32 arrays; the weights are arrays that it closes over, for example
        ``lambda x: model.apply(parameters, x)``.
    *example : array or jax.ShapeDtypeStruct
        Inputs; their shapes become the model's.

    Returns
    -------
    IRModule
        Normalised Relax; a layer is named after the ``jax.named_scope``
        around its product.

    Raises
    ------
    ModelError
        If JAX is missing, or the function cannot be traced or imported.
    """
    try:
        import jax
    except ModuleNotFoundError as error:
        raise ModelError(
            "from_jax needs JAX; install it: pip install 'eie-backend[jax]'"
        ) from error
    try:
        lowered = jax.jit(function).lower(*example).as_text(debug_info=True)
    except Exception as error:
        raise ModelError(
            f"model: JAX cannot trace the function: {first_line(error)}; correct it until "
            "jax.jit takes it"
        ) from error
    return from_stablehlo(lowered)
