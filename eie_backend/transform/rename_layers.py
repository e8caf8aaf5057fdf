"""`rename_layers`: give the layers of a module names that nothing else in it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import count

from tvm import IRModule, relax
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.names.unique import unique_names
from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.transform.layers import is_layer, layer_bindings, map_functions


def rename_layers(
    mod: IRModule, names: Mapping[relax.Var, str], meant: Collection[str] = ()
) -> IRModule:
    """Return the module with matmul and convolution variables renamed and made unique.

    Before -> after, for the names ``{lv: "fc"}``::

        lv = R.matmul(x, W1)        ->  fc = R.matmul(x, W1)
        fc = R.nn.relu(lv)              fc_1 = R.nn.relu(fc)
        x = R.matmul(fc, W2)            x_1 = R.matmul(fc_1, W2)

    1. Of layers that would have one name, that one keeps it which has it already, or else the
       first; the others are numbered, and so is a layer with the name of an input. No number
       makes a name of `meant`: other names of layers.
    2. Another operation with the name of a layer is numbered.
    3. What the module notes of layers by their variables, it notes by the new ones.
    """
    layers = [*layer_bindings(mod)]
    variables = [binding.var for binding, _ in layers]
    wanted = [names.get(var, var.name) for var in variables]
    inputs = {param.name for _, function in layers for param in function.params}
    # 1.
    ranks = [int(var.name != name) for var, name in zip(variables, wanted, strict=True)]
    unique = dict(zip(variables, unique_names(wanted, inputs, ranks, meant), strict=True))
    functions = [f for _, f in mod.functions_items() if isinstance(f, relax.Function)]
    others = {var.name for f in functions for var in relax.analysis.all_vars(f)}
    # 3.
    renamed = map_functions(mod, _Rename(mod, unique, others).visit_expr)
    return _with_notes(renamed, {var.name: name for var, name in reversed(unique.items())})


@mutator
class _Rename(PyExprMutator):
    def __init__(
        self, mod: IRModule, names: Mapping[relax.Var, str], others: Collection[str]
    ) -> None:
        super().__init__(mod)
        self.names = names
        self.taken = {*names.values()}
        self.used = self.taken.union(others)

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        old = binding.var
        if (name := self.names.get(old)) is None:
            # 2.
            name = _unused(old.name, self.used) if old.name in self.taken else old.name
            if is_layer(binding.value):  # inside a branch
                self.taken.add(name)
        if name == old.name:
            super().visit_var_binding_(binding)
            return
        new = type(old)(name, old.ty)
        self.builder_.emit_normalized(relax.VarBinding(new, self.visit_expr(binding.value)))
        self.set_var_remap(old, new)


def _unused(name: str, used: set[str]) -> str:
    found = next(one for n in count(1) if (one := f"{name}_{n}") not in used)
    used.add(found)
    return found


def _with_notes(mod: IRModule, renamed: Mapping[str, str]) -> IRModule:
    """Return the module with what it notes of layers under their new names."""
    noted = attributes(mod)
    notes = {"aliases": noted.aliases, "convolutions": noted.convolutions}
    moved = {
        field: {renamed.get(variable, variable): note for variable, note in by_layer.items()}
        for field, by_layer in notes.items()
    }
    changed: dict[str, object] = {
        field: by_layer for field, by_layer in moved.items() if by_layer != notes[field]
    }
    names = [renamed.get(variable, variable) for variable in noted.renamed]
    if names != list(noted.renamed):
        changed["renamed"] = names
    return with_attributes(mod, **changed)
