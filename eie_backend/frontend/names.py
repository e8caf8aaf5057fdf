"""What importers do to names and messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from keyword import iskeyword

import tvm
from tvm import IRModule, relax

from eie_backend.transform.canonical_layers import CanonicalLayers
from eie_backend.transform.drop_broadcasts import DropBroadcasts
from eie_backend.transform.merge_sums import MergeSums
from eie_backend.transform.normalize import Normalize, rename_layers


def identifier(name: str) -> str:
    """Return a layer's name as a variable's name that TVMScript can parse.

    Examples
    --------
    >>> identifier("/block/fc1/Gemm"), identifier("0.weight")
    ('block_fc1_Gemm', 'layer_0_weight')
    """
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return plain if plain.isidentifier() and not iskeyword(plain) else f"layer_{plain}"


def named(mod: IRModule, names: Mapping[str, str]) -> IRModule:
    """Return an imported module, normalised, its layers' variables renamed by `names`.

    Sums of layers are merged: their names follow from those of the parts. Convolutions are left as
    they are, since how they are lowered is the user's choice.
    """
    renamed = dict(names)
    for binding in (b for block in mod["main"].body.blocks for b in block.bindings):
        # A result of the function is another name for its value, and the one that folding keeps.
        if isinstance(binding.value, relax.Var) and binding.value.name in renamed:
            renamed[binding.var.name] = renamed[binding.value.name]
    normal = rename_layers(Normalize()(DropBroadcasts()(mod)), renamed)
    passes = [DropBroadcasts(), Normalize(), CanonicalLayers(), MergeSums()]
    merged: IRModule = tvm.transform.Sequential(passes)(normal)
    return merged
