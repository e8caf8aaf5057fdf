"""What importers do to names and messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from keyword import iskeyword

from tvm import IRModule, relax

from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.drop_broadcasts import DropBroadcasts
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


def first_line(error: Exception) -> str:
    """Return the first line of an error that says something."""
    return next(filter(None, map(str.strip, str(error).splitlines())), repr(error))


def named_dense_form(mod: IRModule, names: Mapping[str, str]) -> IRModule:
    """Return an imported module in dense form, its matmuls' variables renamed by `names`."""
    renamed = dict(names)
    for binding in (b for block in mod["main"].body.blocks for b in block.bindings):
        # A result of the function is another name for its value, and the one that folding keeps.
        if isinstance(binding.value, relax.Var) and binding.value.name in renamed:
            renamed[binding.var.name] = renamed[binding.value.name]
    dense: IRModule = DenseForm()(rename_layers(Normalize()(DropBroadcasts()(mod)), renamed))
    return dense
