"""`from_stablehlo`: the text of a StableHLO module as a Relax module."""

from __future__ import annotations

import hashlib

from tvm import IRModule

from eie_backend.errors import ModelError, first_line
from eie_backend.frontend.blame import labelled
from eie_backend.frontend.names import Source, named
from eie_backend.frontend.open_blocks import ending_blocks
from eie_backend.names.rule import identifier
from eie_backend.transform.attributes import with_attributes
from eie_backend.verification.verified import not_compared


def from_stablehlo(text: str) -> IRModule:
    """Import a StableHLO module.

    Parameters
    ----------
    text : str
        MLIR with static shapes, its weights as ``stablehlo.constant``. ``@main`` is imported, with
        the functions that it calls.

    Returns
    -------
    IRModule
        Normalised Relax; a layer is named after the scopes in its location.

    Raises
    ------
    ModelError
        If JAX is missing, or the text cannot be parsed, or it has operations that are not known.
    """
    try:
        from eie_backend.frontend.stablehlo_importer import Importer, parse
    except ModuleNotFoundError as error:
        raise ModelError(
            "from_stablehlo parses MLIR with JAX: pip install '.[jax]' in eie's checkout"
        ) from error
    try:
        module = parse(text)
    except Exception as error:
        raise ModelError(
            f"model: not StableHLO text: {first_line(error)}; export it again"
        ) from error
    try:
        importer = Importer(module)
        with labelled("model"), ending_blocks():
            imported = importer.main()
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"model: StableHLO cannot be imported: {first_line(error)}; export it with other "
            "operations"
        ) from error
    digest = hashlib.sha256(str(module).encode()).hexdigest()  # without locations
    sources = {
        name: Source(name, (identifier(scope), scope) if scope else ())
        for name, scope in importer.scopes.items()
    }
    found = with_attributes(named(imported, sources), model_sha256=digest)
    return not_compared(found, "there is only its text")
