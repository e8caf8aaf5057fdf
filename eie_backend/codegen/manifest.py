"""`manifest_of`: hashes and versions of a program's inputs (model, recipe, machine, tools)."""

from __future__ import annotations

import hashlib
import json

import tvm

from eie_backend._versions import __version__
from eie_backend.transform.attributes import ModuleAttributes


def manifest_of(noted: ModuleAttributes) -> dict[str, str]:
    """Return the manifest of the programs of a module."""
    assert noted.machine is not None
    sizes = json.dumps(noted.machine.to_dict(), sort_keys=True)
    return {
        "balance": noted.balance,
        "config_sha256": hashlib.sha256(sizes.encode()).hexdigest(),
        "eie_version": __version__,
        "graph": noted.graph or "[]",
        "interface": noted.interface or "[]",
        "model_sha256": noted.model_sha256,
        "recipe": noted.recipe,
        "tvm_version": tvm.__version__,
        "weights": noted.weights or "{}",
    }
