"""`Normalize`: bring every importer's dense layers into one form."""

from __future__ import annotations

import hashlib

import tvm
from tvm import IRModule, relax
from tvm.ir.transform import PassContext

from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.transform.constant_arguments import ConstantArguments
from eie_backend.transform.fold_constants import FoldConstants
from eie_backend.transform.layers import (
    aliases_of,
    constant_weights,
    matmuls_by_layer,
    replace_operands,
)
from eie_backend.transform.module_pass import ModulePass
from eie_backend.transform.rename_layers import rename_layers
from eie_backend.transform.zero_divisors import ZeroDivisors

FOLDING = [
    relax.transform.ConvertToDataflow(min_size=1),
    # Before folding: a recurrent network transposes its weights at every time step.
    relax.transform.EliminateCommonSubexpr(),
    # Transposed Gemm weights arrive as permute_dims of a constant; folding makes them constants.
    ZeroDivisors(),
    FoldConstants(),
    ConstantArguments(),
    relax.transform.CanonicalizeBindings(),
    relax.transform.DeadCodeElimination(),
]


@tvm.transform.module_pass(opt_level=0, name="eie.Normalize")
class Normalize(ModulePass):
    """Fold constants so that a layer's weights are one constant (inputs, outputs), and name layers.

    Before -> after::

        lv = R.permute_dims(W)          ->  lv1 = R.matmul(x, W')
        lv1 = R.matmul(x, lv)

    1. Weights behind constant operations become constants.
    2. Names of matmul and convolution variables become unique in the module, and are kept
       otherwise.
    3. Applying it twice changes nothing.
    4. Equal weights become one constant, which is one layer however often it is used; it answers
       to the names of all layers that it was.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the normalised module."""
        # 1.
        folded = tvm.transform.Sequential(FOLDING)(mod)
        # 2. 4.
        return rename_layers(_unify_weights(folded), {})


def _unify_weights(mod: IRModule) -> IRModule:
    """Return the module with one constant for all equal float32 weights."""
    layers = [
        use.binding
        for use, *_ in matmuls_by_layer(mod)
        if constant_weights(use.binding.value) is not None
    ]
    shapes = [tuple(map(int, layer.value.args[1].value.shape)) for layer in layers]
    first: dict[tuple[tuple[int, ...], bytes], relax.VarBinding] = {}
    changed: dict[relax.Expr, relax.Expr] = {}
    noted = attributes(mod)
    aliases = dict(noted.aliases)
    for layer, shape in zip(layers, shapes, strict=True):
        if shapes.count(shape) == 1:
            continue
        operand = layer.value.args[1]
        digest = hashlib.sha256(operand.value.numpy().tobytes()).digest()
        # 4.
        kept = first.setdefault((shape, digest), layer)
        if kept is not layer:
            changed[operand] = kept.value.args[1]
            own, name = kept.var.name, layer.var.name
            others = (*aliases.get(own, ()), name, *aliases_of(name, noted))
            aliases[own] = tuple(dict.fromkeys(others))
            aliases.pop(name, None)
    if not changed:
        return mod
    return with_attributes(replace_operands(mod, changed), aliases=aliases)
