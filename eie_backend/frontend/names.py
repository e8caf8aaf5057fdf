"""What importers do to names: layers get theirs, and the module remembers the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tvm
from tvm import IRModule, relax

from eie_backend.transform.attributes import with_attributes, without_attributes
from eie_backend.transform.canonical_epilogues import CanonicalEpilogues
from eie_backend.transform.canonical_layers import CanonicalLayers
from eie_backend.transform.drop_broadcasts import DropBroadcasts
from eie_backend.transform.layers import is_constant_matrix, is_matmul, layer_bindings
from eie_backend.transform.merge_sums import MergeSums
from eie_backend.transform.normalize import Normalize
from eie_backend.transform.rename_layers import rename_layers


@dataclass(frozen=True)
class Source:
    """The name that a layer gets, and all that its source calls it."""

    name: str
    names: tuple[str, ...] = ()


def named(mod: IRModule, sources: Mapping[str, Source]) -> IRModule:
    """Return an imported module, normalised, its layers' variables renamed by `sources`.

    Sums of layers are merged: their names follow from those of the parts. Convolutions are left as
    they are, since how they are lowered is the user's choice.
    """
    found = dict(sources)
    for binding in (b for block in mod["main"].body.blocks for b in block.bindings):
        # A result of the function is another name for its value, and the one that folding keeps.
        if isinstance(binding.value, relax.Var) and binding.value.name in found:
            found[binding.var.name] = found[binding.value.name]
    normal = with_aliases(Normalize()(DropBroadcasts()(mod)), found)
    variables = [binding.var for binding, _ in layer_bindings(normal)]
    renamed = rename_layers(normal, {v: found[v.name].name for v in variables if v.name in found})
    passes = [DropBroadcasts(), Normalize(), CanonicalEpilogues(), CanonicalLayers(), MergeSums()]
    merged: IRModule = tvm.transform.Sequential(passes)(renamed)
    return merged


def with_aliases(mod: IRModule, sources: Mapping[str, Source]) -> IRModule:
    """Return a normalised module that notes what the source calls its layers.

    Parameters
    ----------
    mod : IRModule
        The module.
    sources : mapping of str to Source
        By the variables of matmuls and convolutions. Those with the same weights are one layer,
        which answers to the names of all.
    """
    variables: dict[relax.Expr, list[str]] = {}
    for binding, _ in layer_bindings(mod):
        weights = binding.value.args[1]
        shared = is_matmul(binding.value) and is_constant_matrix(weights)
        variables.setdefault(weights if shared else binding.var, []).append(binding.var.name)
    layers = {
        names[0]: [sources[name] for name in names if name in sources]
        for names in variables.values()
    }
    taken = {uses[0].name for uses in layers.values() if uses}
    others = {
        variable: [*dict.fromkeys(name for use in uses for name in use.names if name not in taken)]
        for variable, uses in layers.items()
    }
    noted = {variable: names for variable, names in others.items() if names}
    return with_attributes(mod, aliases=noted) if noted else without_attributes(mod, "aliases")
