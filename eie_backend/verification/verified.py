"""`verified`: hand a module on once it computes what its source computes."""

from __future__ import annotations

import tvm
import tvm_ffi
from tvm import IRModule

from eie_backend._versions import __version__
from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.verification.cost import too_large
from eie_backend.verification.remembered import digest, key, recall, remember
from eie_backend.verification.source import Arrays, Source
from eie_backend.verification.verify import NOT_COMPARED, NotRunError, verify_values


def verified(mod: IRModule, source: Source, inputs: Arrays, *, remembers: bool = True) -> IRModule:
    """Compare a module with its source, and note among its attributes what was compared.

    Parameters
    ----------
    mod : IRModule
        What was imported.
    source : Source
        What it was imported from.
    inputs : sequence of array
        For both, in order.
    remembers : bool
        Whether to believe that it was verified before, if it was: with the same model, inputs and
        versions.

    Raises
    ------
    ModelError
        As `verify_values`.
    """
    if why := too_large(mod):
        return not_compared(mod, why)
    model = attributes(mod).model_sha256
    remembers = remembers and bool(model)
    values = digest(x.tobytes() for x in inputs)
    versions = (__version__, tvm.__version__, source.runtime, source.version)
    # The module, without its weights: the model's hash has those.
    made = str(tvm_ffi.structural_hash(mod, skip_tensor_content=True))
    name = key(model, made, values, *versions)
    said = recall(name) if remembers else ""
    if not said:
        try:
            said = verify_values(mod, source, inputs)
        except NotRunError as error:
            return not_compared(mod, str(error))
        if remembers and not said.startswith(NOT_COMPARED):
            remember(name, said)
    return with_attributes(mod, verified=said)


def not_compared(mod: IRModule, why: str) -> IRModule:
    """Note that a module was not compared with its source, and why."""
    return with_attributes(mod, verified=f"{NOT_COMPARED}: {why}")
