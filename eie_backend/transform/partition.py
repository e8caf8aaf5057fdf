"""`Partition`: group the layers that the machine runs into ``eie`` functions."""

from __future__ import annotations

from collections.abc import Container, Mapping, Set
from functools import partial

import tvm
from tvm import IRModule, relax
from tvm.ir.transform import Pass, PassContext
from tvm.relax.dpl import DFPattern, is_const, is_op, wildcard
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm.relax.transform import FusionPattern, PatternCheckContext

from eie_backend.config import HardwareConfig
from eie_backend.epilogues import EPILOGUES, NONE
from eie_backend.errors import ModelError
from eie_backend.machine.epilogue import Epilogue
from eie_backend.machine.target import config_text
from eie_backend.transform.attributes import CODEGEN_FIELDS, LAYER, PREFIX, attributes, options
from eie_backend.transform.constraints import UNSHARED, Candidate, fits_codebook, why_not
from eie_backend.transform.epilogues import applied
from eie_backend.transform.layers import (
    constant_weights,
    is_bias,
    is_host_function,
    is_main,
    map_functions,
    matmuls,
    matmuls_by_layer,
)
from eie_backend.transform.module_pass import ModulePass
from eie_backend.transform.packed_calls import inlined, outlined
from eie_backend.transform.unify_functions import unify_functions

CODEGEN = "eie"
"""Attribute ``Codegen`` of functions that the machine runs."""


def is_eie_function(function: object) -> bool:
    """Return whether `function` is a Relax function that the machine runs."""
    return (
        isinstance(function, relax.Function)
        and function.attrs is not None
        and function.attrs.get("Codegen") == CODEGEN
    )


def _ifs(function: object) -> list[str]:
    """Return the names of the conditions in a function."""
    blocks = function.body.blocks if isinstance(function, relax.Function) else []
    return [
        str(binding.var.name)
        for block in blocks
        for binding in block.bindings
        if isinstance(getattr(binding, "value", None), relax.If)
    ]


def _pattern(bias: bool, epilogue: Epilogue) -> tuple[DFPattern, Mapping[str, DFPattern]]:
    parts: dict[str, DFPattern] = {"input": wildcard(), "weights": is_const()}
    layer = parts["matmul"] = is_op("relax.matmul")(parts["input"], parts["weights"])
    if bias:
        parts["bias"] = is_const()
        add = is_op("relax.add")
        layer = add(layer, parts["bias"]) | add(parts["bias"], layer)
    layer = parts["result"] = epilogue.pattern(layer)
    return layer, parts


def patterns(config: HardwareConfig, layers: Container[relax.Expr]) -> list[FusionPattern]:
    """Return the composite patterns for the weights in `layers`, longest first.

    Each checks the machine's constraints, except the number of values: `layers` fulfil it.
    """

    def runs_on_machine(epilogue: Epilogue, context: PatternCheckContext) -> bool:
        matmul = context.annotated_expr["matmul"]
        name = context.value_to_bound_var[matmul].name
        if matmul.args[1] not in layers or not _is_closed(context):
            return False
        # 1.
        if why_not(Candidate(name, matmul, config), UNSHARED) is not None:
            return False
        found = applied(context.annotated_expr["result"])
        if epilogue is not NONE.epilogue and (found is None or found.epilogue is not epilogue):
            return False
        bias = context.annotated_expr.get("bias")
        # A constant of another shape needs a broadcast, which stays on the host.
        return bias is None or is_bias(bias, int(matmul.ty.shape.values[-1]))

    return [
        FusionPattern(
            _composite(bias, epilogue),
            *_pattern(bias, epilogue),
            partial(runs_on_machine, epilogue),
        )
        for has_epilogue in (True, False)
        for bias in (True, False)
        for epilogue in EPILOGUES
        if (epilogue is not NONE.epilogue) == has_epilogue
    ]


def _composite(bias: bool, epilogue: Epilogue) -> str:
    """Return the name of a composite, as ``eie.dense_bias_relu``."""
    ending = "" if epilogue is NONE.epilogue else f"_{epilogue.name}"
    return f"eie.dense{'_bias' if bias else ''}{ending}"


def _is_closed(context: PatternCheckContext) -> bool:
    """Return whether only the result of a match is read outside the match."""
    result = context.value_to_bound_var[context.matched_expr]
    matched = list(context.matched_bindings)
    inner = [var for var in matched if not var.same_as(result)]
    return all(
        isinstance(var, relax.DataflowVar)
        and all(any(user.same_as(m) for m in matched) for user in context.var_usages[var])
        for var in inner
    )


def _name_composites(partitioned: IRModule, names: Mapping[relax.Expr, str]) -> IRModule:
    """Set each composite's layer name by its weights, because fusion renames result variables."""
    return map_functions(partitioned, _Name(partitioned, names).visit_expr)


@mutator
class _Name(PyExprMutator):
    def __init__(self, mod: IRModule, names: Mapping[relax.Expr, str]) -> None:
        super().__init__(mod)
        self.names = names

    def visit_function_(self, function: relax.Function) -> relax.Function:
        if "Composite" not in (function.attrs or {}):
            return super().visit_function_(function)
        ((matmul, _),) = matmuls(IRModule({"composite": function}))
        return function.with_attr(LAYER, self.names[matmul.value.args[1]])


def _merge_in_main(mod: IRModule) -> IRModule:
    """Merge consecutive composites of `main`.

    TVM looks at no other function, but fails at their dataflow blocks.
    """
    hidden = _changed(mod, relax.transform.ToNonDataflow())
    merged = relax.transform.MergeCompositeFunctions()(hidden)
    return _changed(merged, relax.transform.ConvertToDataflow(min_size=1))


def _changed(mod: IRModule, change: Pass) -> IRModule:
    """Return the module with the functions changed that `main` calls on the host."""
    others = {
        gvar: function
        for gvar, function in mod.functions_items()
        if gvar.name_hint != "main" and is_host_function(function)
    }
    if not others:
        return mod
    functions = {**dict(mod.functions_items()), **dict(change(IRModule(others)).functions_items())}
    return IRModule(functions, attrs=mod.attrs)


@tvm.transform.module_pass(opt_level=0, name="eie.Partition")
class Partition(ModulePass):
    """Move dense layers, with their bias and epilogue, into composite functions for the machine.

    Before -> after::

        lv = R.matmul(x, W1)             ->  lv = fused_eie(x)    # attr Codegen: "eie"
        lv1 = R.add(lv, b1)                    # in fused_eie, one function per layer:
        lv2 = R.nn.relu(lv1)                   #   "eie.dense_bias_relu": W1, b1
        lv3 = R.matmul(lv2, W2)                #   "eie.dense": W2

    1. A layer matches if every constraint of `eie_backend.transform.constraints` holds.
    2. Consecutive layers share a function, so that data stays on the machine.
    3. All other operations are left alone.
    4. A layer that several matmuls use has its own function, so that the machine holds its weights
       once; uses with different bias, epilogue or batch have different functions.
    5. Each function has attributes with its machine and the other inputs of code generation.
    6. A module with conditions is refused.

    Parameters
    ----------
    config : HardwareConfig
        The machine, whose limits apply.
    """

    def __init__(self, config: HardwareConfig) -> None:
        self.config = config

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the partitioned module."""
        if any(is_eie_function(function) for function in mod.functions.values()):
            raise ModelError(
                "the module is partitioned already; call relax.transform.RunCodegen, or give the "
                "module before its partition"
            )
        # 6.
        if found := [name for function in mod.functions.values() for name in _ifs(function)]:
            raise ModelError(
                f"{', '.join(found)} (If): data decide which branch runs, and no program of the "
                "machine branches; export the branch that is taken"
            )
        on_host = attributes(mod).on_host
        groups = [(uses[0].binding, len(uses)) for uses in matmuls_by_layer(mod)]
        names = {binding.value.args[1]: binding.var.name for binding, _ in groups}
        # Check once per layer: counting values is the slowest check.
        fitting = {
            binding.value.args[1]
            for binding, _ in groups
            if (weights := constant_weights(binding.value)) is not None
            and binding.var.name not in on_host
            and fits_codebook(weights, self.config)  # 1.
        }
        called = {b.value.args[1] for b, function in matmuls(mod) if not is_main(mod, function)}
        shared = {binding.value.args[1] for binding, uses in groups if uses > 1} | called
        shared &= fitting
        # 4.
        apart = self._fuse(mod, shared, annotate_codegen=True)
        fused = self._fuse(apart, fitting - shared, annotate_codegen=False)
        hidden, calls = outlined(fused)
        merged = inlined(_merge_in_main(hidden), calls)  # 2.
        # 4. 5.
        return unify_functions(self._noted(_name_composites(merged, names), mod))

    def _noted(self, partitioned: IRModule, mod: IRModule) -> IRModule:
        """Attach the inputs of code generation to each ``eie`` function as attributes."""
        given = {name: value for name, value in options(mod).items() if name in CODEGEN_FIELDS}
        given["machine"] = config_text(self.config)
        noted = {f"{PREFIX}{name}": value for name, value in given.items()}
        functions = {
            # TVM's two passes give symbols apart from each other, so that two may be equal.
            gvar: f.with_attrs({**noted, "global_symbol": gvar.name_hint})
            if is_eie_function(f)
            else f
            for gvar, f in partitioned.functions_items()
        }
        return IRModule(functions, attrs=partitioned.attrs)

    def _fuse(self, mod: IRModule, layers: Set[relax.Expr], *, annotate_codegen: bool) -> IRModule:
        fuse = relax.transform.FuseOpsByPattern(
            patterns(self.config, layers), bind_constants=True, annotate_codegen=annotate_codegen
        )
        fused: IRModule = fuse(mod)
        return fused
