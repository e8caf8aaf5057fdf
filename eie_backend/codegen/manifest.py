"""`manifest_of`: hashes and versions of a program's inputs (model, recipe, machine, tools)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import tvm

from eie_backend._versions import __version__
from eie_backend.isa.program import ALIASES, ORDERS
from eie_backend.names.find import is_product_of, not_derived
from eie_backend.transform.attributes import ModuleAttributes
from eie_backend.transform.layers import aliases_of, source_of

CHECKS = "indices, divisors"


def manifest_of(noted: ModuleAttributes) -> dict[str, str]:
    """Return the manifest of the programs of a module, but for what they have by layer.

    ``checks`` names what the library that they come in checks of its inputs before it uses it.
    ``formats`` says what chose the number formats: "samples", "synthetic" inputs, or nothing.
    ``source`` is JSON: path and bindings of the file that the model comes from, as far as there is
    one, and how convolutions became layers, so that it can be imported again.
    Only programs of a schedule that is not the compiler's own have the entry ``schedule``.
    """
    assert noted.machine is not None
    sizes = json.dumps(noted.machine.to_dict(), sort_keys=True)
    return {
        "balance": noted.balance,
        "checks": CHECKS,
        "config_sha256": hashlib.sha256(sizes.encode()).hexdigest(),
        "eie_version": __version__,
        "formats": noted.formats,
        "graph": noted.graph or "[]",
        "interface": noted.interface or "[]",
        "model_sha256": noted.model_sha256,
        "recipe": noted.recipe,
        **({"schedule": noted.schedule} if noted.schedule else {}),
        "source": json.dumps({"winograd": noted.winograd, **json.loads(noted.source or "{}")}),
        "tvm_version": tvm.__version__,
        "weights": noted.weights or "{}",
    }


def aliases_entry(noted: ModuleAttributes, layers: Sequence[str]) -> dict[str, str]:
    """Return the manifest's entry of what else some layers are called, empty if it says nothing.

    It is that of layers that are not called after their nodes, so that these are found. What
    follows from their own names is left out: the name of a convolution, too, of its products.
    """
    others = {
        layer: [name for name in aliases_of(layer, noted) if not is_product_of(layer, name)]
        for layer in layers
        if source_of(layer, noted) in noted.renamed
    }
    found = not_derived(others)
    return {ALIASES: json.dumps(found)} if found else {}


def orders_entry(noted: ModuleAttributes, layers: Sequence[str]) -> dict[str, str]:
    """Return the manifest's entry of the orders of some layers' outputs, empty if it says nothing.

    Without it, nobody could tell which of the machine's values is which of the model's.
    """
    told = json.loads(noted.orders or "{}")
    found = {layer: told[layer] for layer in layers if layer in told}
    return {ORDERS: json.dumps(found, separators=(",", ":"))} if found else {}
