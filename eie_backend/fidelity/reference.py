"""`reference`: the float network that a library was compiled from, imported again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from tvm import IRModule

from eie_backend.errors import InputError, ModelError
from eie_backend.frontend.onnx import from_onnx
from eie_backend.host.network import HostNetwork
from eie_backend.isa.program import Program
from eie_backend.simulator.place import Batch
from eie_backend.transform.attributes import attributes
from eie_backend.transform.given import check_module
from eie_backend.transform.inputs import InputSpec, input_specs
from eie_backend.transform.normalize import Normalize


def reference(
    programs: Sequence[Program],
    model: str | PathLike[str] | None = None,
    beside: Path | None = None,
) -> IRModule:
    """Import the model that a library was compiled from, with the same bindings.

    Parameters
    ----------
    programs : sequence of Program
        The library's, of which a manifest names the model.
    model : path, optional
        Where the model is now; by default where it was.
    beside : Path, optional
        The library: a relative path that leads nowhere is looked for in its folder, too.

    Raises
    ------
    ModelError
        If the library names no model and none is given, the file is missing, cannot be imported, or
        is not the one that was compiled, by its SHA-256.
    """
    manifest = programs[0].manifest
    source = _source(manifest.get("source", "{}"))
    if model is None and "path" not in source:
        raise ModelError(
            "the library does not name the file that it was compiled from; give it by --reference"
        )
    path = Path(fspath(model if model is not None else source["path"]))
    places = [path]
    if model is None and beside is not None:
        places += [beside.parent / path, beside.parent / path.name]
    there = next(filter(_is_there, places), None)
    if there is None:
        raise ModelError(
            f"{path}: the model that the library was compiled from is not there; give it by "
            "--reference"
        )
    found = from_onnx(
        there, source.get("bind"), bind_values=source.get("bind_values"), verify=False
    )
    now, then = attributes(found).model_sha256, manifest.get("model_sha256", "")
    if now != then:
        raise ModelError(
            f"{there}: not the model that the library was compiled from: its SHA-256 is "
            f"{now[:12]}..., that one's {then[:12] or 'unknown'}...; give that one by --reference, "
            "or compile again"
        )
    return found


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no name of a file, as one that is too long
        return False


def _source(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    except (RecursionError, ValueError):
        return {}


def check_inputs_of(mod: IRModule, specs: Sequence[InputSpec]) -> None:
    """Refuse a float network whose inputs are not those of its library.

    Raises
    ------
    InputError
        Naming both.
    """
    if (own := input_specs(mod)) != list(specs):
        raise InputError(
            f"the float network's inputs are {_told(own)}, the library's are {_told(specs)}; "
            "give the model that the library was compiled from, with the same dimensions"
        )


def _told(specs: Sequence[InputSpec]) -> str:
    return ", ".join(f"{spec.name} {spec.dtype} {spec.shape}" for spec in specs) or "none"


Results = Callable[[Batch], Batch]
"""Returns the results of a call's inputs."""


class FloatNetwork:
    """A network in floating point on this computer.

    Parameters
    ----------
    mod : IRModule
        As imported; indices are checked as a library checks them.
    specs : sequence of InputSpec, optional
        The inputs of the library that it stands beside.

    Raises
    ------
    ModelError
        If it is no module with a function ``main``.
    InputError
        If its inputs are not those of the library.
    """

    def __init__(self, mod: IRModule, specs: Sequence[InputSpec] | None = None) -> None:
        check_module(mod, "reference")
        if specs is not None:
            check_inputs_of(mod, specs)
        self._network = HostNetwork(Normalize()(mod))

    def __call__(self, batch: Batch) -> Batch:
        """Return the results of a call's inputs."""
        # The next call takes their memory.
        return [result.copy() for result in self._network(*batch)]
