"""`from_jax`: a JAX function as a Relax module."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from tvm import IRModule

from eie_backend.errors import ModelError, first_line
from eie_backend.frontend.blame import labelled
from eie_backend.frontend.stablehlo import from_stablehlo
from eie_backend.transform.inputs import input_specs
from eie_backend.verification.samples import generated
from eie_backend.verification.verified import not_compared, verified


def from_jax(function: Callable[..., Any], *example: Any, verify: bool = True) -> IRModule:
    """Import a JAX function.

    Parameters
    ----------
    function : callable
        Takes and returns float32 arrays; the weights are arrays that it closes over, for example
        ``lambda x: model.apply(parameters, x)``.
    *example : array or jax.ShapeDtypeStruct
        Inputs; their shapes become the model's.
    verify : bool
        Compare what the module computes, on TVM's LLVM build, with what JAX computes, on the
        example, or on generated inputs where it has only shapes. Once for each model and version:
        the user's folder of caches remembers it.

    Returns
    -------
    IRModule
        Normalised Relax; a layer is named after the ``jax.named_scope``
        around its product.

    Raises
    ------
    ModelError
        If JAX is missing, or the function cannot be traced or imported, or results differ: naming
        the first operation that deviates.
    """
    try:
        import jax
    except ModuleNotFoundError as error:
        raise ModelError(
            "from_jax needs JAX; install it: pip install '.[jax]' in eie's checkout"
        ) from error
    try:
        lowered = jax.jit(function, keep_unused=True).lower(*example).as_text(debug_info=True)
    except Exception as error:
        raise ModelError(
            f"model: JAX cannot trace the function: {first_line(error)}; correct it until "
            "jax.jit takes it"
        ) from error
    mod = from_stablehlo(lowered)
    if not verify:
        return not_compared(mod, "as asked")
    from eie_backend.frontend.jax_source import JaxSource

    leaves, nested = jax.tree.flatten(example)

    def flat(*inputs: Any) -> Any:
        return function(*jax.tree.unflatten(nested, inputs))

    source = JaxSource(flat, partial(from_jax, verify=False))
    known = all(isinstance(one, (np.ndarray, np.generic, jax.Array)) for one in leaves)
    inputs = [np.asarray(one) for one in leaves] if known else generated(input_specs(mod), {})
    with labelled("model"):
        return verified(mod, source, inputs)
