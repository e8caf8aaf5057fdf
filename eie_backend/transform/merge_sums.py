"""`MergeSums`: a sum of layers becomes one layer, as the gates of an LSTM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import reduce

import numpy as np
import tvm
from tvm import IRModule, relax
from tvm.ir.transform import PassContext
from tvm.relax.analysis import post_order_visit
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.transform.layers import (
    aliases_of,
    is_constant_matrix,
    map_functions,
    matmuls,
    matmuls_by_layer,
)
from eie_backend.transform.linear_sums import LinearSum, linear_sums
from eie_backend.transform.module_pass import ModulePass
from eie_backend.transform.rename_layers import rename_layers

Group = tuple[relax.Expr, ...]
"""The weights of layers that are always summed, in order of first use."""

CLEANING = [
    relax.transform.CanonicalizeBindings(),
    # Sums of several time steps slice the same inputs.
    relax.transform.EliminateCommonSubexpr(),
    relax.transform.DeadCodeElimination(),
]


@tvm.transform.module_pass(opt_level=0, name="eie.MergeSums")
class MergeSums(ModulePass):
    """Multiply the inputs of summed layers, side by side, by one matrix.

    Before -> after::

        lv = R.matmul(x, Wx)             ->  lv = R.concat((x, h), axis=-1)
        lv1 = R.matmul(h, Wh)                lv1 = R.matmul(lv, [Wx; Wh])
        lv2 = R.add(lv, lv1)                 lv2 = R.add(lv1, b)
        lv3 = R.add(lv2, b)

    1. Biases are summed. Operations that move whole rows may stand between a product and the sum
       (linear_sums.py); they move to the input. PyTorch multiplies the inputs of all time steps
       at once and then takes slices.
    2. A sum without one of the layers takes zeros for its input, as at a recurrent network's
       first step, where the product of the initial state is folded away. Zeros cost no cycles.
    3. All matmuls of the layers are in such sums, always with the same partners, and their values
       have no other use; then no weights are held twice. No row is multiplied twice.
    4. The name is what the names of the layers have in common, unless the source calls
       another layer so; it answers to those, too.
    5. Otherwise layers are left alone. So are those of a GRU: its reset gate scales the hidden
       part of the candidate before the sum, so the two products that PyTorch makes of all its
       gates stay two.

    Notes
    -----
    **Source**: EIE (ISCA 2016), Table III: the layer NT-LSTM, 1201 x 2400, takes 600 inputs, 600
    states and a bias to four gates of 600.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with merged layers."""
        uses = Counter(binding.value.args[1] for binding, _ in matmuls(mod) if _is_layer(binding))
        names = {b.value.args[1]: b.var.name for b, _ in reversed(list(matmuls(mod)))}
        parts: dict[relax.Expr, list[str]] = {}
        merged = map_functions(mod, lambda f: _merge(mod, f, uses, names, parts))
        clean = tvm.transform.Sequential(CLEANING)(merged)
        products = [(b.var, parts.get(b.value.args[1])) for b, _ in matmuls(clean)]
        # 4.
        leads_to = _leads_to(mod)
        common = {var: _common_name(of, leads_to) for var, of in products if of}
        renamed = rename_layers(clean, common, leads_to)
        return _with_aliases(renamed, parts) if parts else renamed


def _with_aliases(mod: IRModule, parts: Mapping[relax.Expr, list[str]]) -> IRModule:
    """Return the module with merged layers, known by their weights, that answer to their parts."""
    noted = attributes(mod)
    gone = {part for names in parts.values() for part in names}
    aliases = {name: others for name, others in noted.aliases.items() if name not in gone}
    for first, *_ in matmuls_by_layer(mod):
        names = parts.get(first.binding.value.args[1], ())
        others = dict.fromkeys(one for part in names for one in (part, *aliases_of(part, noted)))
        own = first.binding.var.name
        if found := tuple(name for name in others if name != own):
            aliases[own] = found
    return with_attributes(mod, aliases=aliases)


def _is_layer(binding: relax.VarBinding) -> bool:
    return is_constant_matrix(binding.value.args[1])


def _merge(
    mod: IRModule,
    function: relax.Function,
    uses: Counter[relax.Expr],
    names: dict[relax.Expr, str],
    parts: dict[relax.Expr, list[str]],
) -> relax.Function:
    """Return the function with merged layers, and note by its weights what each is made of."""
    sums = linear_sums(function)
    chosen = _choose(function, sums, uses)
    # 5.
    if not chosen:
        return function
    merged = {group: _merged_weights(group) for group in dict.fromkeys(chosen.values())}
    parts |= {merged[group]: [names[weights] for weights in group] for group in merged}
    wanted = {var: (sums[var], group) for var, group in chosen.items()}
    changed: relax.Function = _Merge(mod, wanted, merged).visit_expr(function)
    return changed


@mutator
class _Merge(PyExprMutator):
    def __init__(
        self,
        mod: IRModule,
        wanted: Mapping[relax.Var, tuple[LinearSum, Group]],
        merged: Mapping[Group, relax.Expr],
    ) -> None:
        super().__init__(mod)
        self.wanted, self.merged = wanted, merged

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        if (found := self.wanted.get(binding.var)) is not None:
            binding = relax.VarBinding(binding.var, self._layer(*found))
        super().visit_var_binding_(binding)

    def _layer(self, total: LinearSum, group: Group) -> relax.Expr:
        terms = {term.weights: term for term in total.terms}
        inputs = []
        for weights in group:
            if weights in terms:
                x = self.visit_expr(terms[weights].matmul.value.args[0])
                # 1.
                for row_op in terms[weights].row_ops:
                    x = self.builder_.emit(row_op(x))
            else:
                # 2.
                shape = (*total.shape[:-1], int(weights.value.shape[0]))
                x = relax.const(np.zeros(shape, np.float32))
            inputs.append(x)
        joined = self.builder_.emit(relax.op.concat(inputs, axis=-1))
        product = self.builder_.emit(relax.op.matmul(joined, self.merged[group]))
        if not total.biases:
            return product
        # 1.
        return relax.op.add(product, relax.const(reduce(np.add, total.biases)))


def _merged_weights(group: Group) -> relax.Expr:
    return relax.const(np.concatenate([weights.value.numpy() for weights in group]))


def _leads_to(mod: IRModule) -> dict[str, set[str]]:
    """Return the layers that each other name of a layer leads to."""
    noted = attributes(mod)
    found: dict[str, set[str]] = {}
    for first, *_ in matmuls_by_layer(mod):
        own = first.binding.var.name
        for name in aliases_of(own, noted):
            found.setdefault(name, set()).add(own)
    return found


def _common_name(names: list[str], leads_to: Mapping[str, set[str]]) -> str:
    """Return the words that all names have, if they are no name of another, or the first name.

    Examples
    --------
    >>> parts = ["lstm_ih_l0", "lstm_hh_l0"]
    >>> _common_name(parts, {}), _common_name(parts, {"lstm_l0": {"fc"}})
    ('lstm_l0', 'lstm_ih_l0')
    """
    words = [set(name.split("_")) for name in names]
    common = "_".join(word for word in names[0].split("_") if all(word in w for w in words))
    is_free = common.isidentifier() and leads_to.get(common, set()) <= {*names}
    return common if is_free else names[0]


def _choose(
    function: relax.Function, sums: dict[relax.Var, LinearSum], uses: Counter[relax.Expr]
) -> dict[relax.Var, Group]:
    """Return the sums to merge, each with its group.

    Sums that break a condition are struck until all that are left keep every one.
    """
    users = _users(function)
    struck: set[relax.Var] = set()
    while True:
        roots, groups = _roots(sums, struck)
        group_of = {weights: group for group in groups for weights in group}
        chosen = {root.var: group_of[root.terms[0].weights] for root in roots}
        bad = _faults(roots, chosen, sums, uses, users)
        if not bad:
            return chosen
        struck |= bad


def _faults(
    roots: list[LinearSum],
    chosen: dict[relax.Var, Group],
    sums: dict[relax.Var, LinearSum],
    uses: Counter[relax.Expr],
    users: dict[relax.Var, set[relax.Var | None]],
) -> set[relax.Var]:
    """Return the sums that break a condition, given that all of them are merged."""
    inside = {var for root in roots for var in (root.var, *(s.var for s in root.inner()))}
    rows = Counter[relax.Var]()
    for root in roots:
        for term in root.terms:
            rows[term.matmul.var] += root.rows
    merged = Counter(sums[var].terms[0].weights for var in rows)

    def is_part(user: relax.Var | None, value: LinearSum) -> bool:
        return user in inside and any(value is operand for operand in sums[user].operands)

    def keeps_all(root: LinearSum) -> bool:
        # 3.
        weights = [term.weights for term in root.terms]
        return (
            len(set(weights)) == len(weights)
            and set(weights) <= set(chosen[root.var])
            and all(merged[one] == uses[one] for one in chosen[root.var])
            and all(rows[t.matmul.var] <= sums[t.matmul.var].rows for t in root.terms)
            and all(is_part(user, value) for value in root.inner() for user in users[value.var])
        )

    return {root.var for root in roots if not keeps_all(root)}


def _roots(
    sums: dict[relax.Var, LinearSum], struck: set[relax.Var]
) -> tuple[list[LinearSum], list[Group]]:
    """Return the outermost sums, and the groups of layers that they add.

    Groups that share a layer are none, unless one has all layers of the other.
    """
    several, absorbed = _outermost(sums, struck, set(), 2)
    order = {term.weights: None for found in sums.values() for term in found.terms}
    sets = {frozenset(term.weights for term in total.terms) for total in several}
    groups = [
        tuple(weights for weights in order if weights in group)
        for group in sets
        if all(other <= group for other in sets if other & group)  # 3.
    ]
    grouped = {weights for group in groups for weights in group}
    alone, _ = _outermost(sums, struck, absorbed, 1)
    return [s for s in (*several, *alone) if s.terms[0].weights in grouped], groups


def _outermost(
    sums: dict[relax.Var, LinearSum],
    struck: set[relax.Var],
    absorbed: set[relax.Var],
    min_terms: int,
) -> tuple[list[LinearSum], set[relax.Var]]:
    """Return the additions of at least so many terms that are part of no other."""
    found: list[LinearSum] = []
    absorbed = set(absorbed)
    for total in reversed(sums.values()):
        is_sum = min_terms == 1 or len(total.operands) > 1 or bool(total.biases)
        if total.var in absorbed | struck or len(total.terms) < min_terms or not is_sum:
            continue
        found.append(total)
        absorbed |= {total.var, *(inner.var for inner in total.inner())}
    return found, absorbed


def _users(function: relax.Function) -> dict[relax.Var, set[relax.Var | None]]:
    """Return which variables' values read each variable; None is the function's result."""
    users: dict[relax.Var, set[relax.Var | None]] = {}

    def note(value: relax.Expr, user: relax.Var | None) -> None:
        def visit(expr: relax.Expr) -> None:
            if isinstance(expr, relax.Var):
                users.setdefault(expr, set()).add(user)

        post_order_visit(value, visit)

    for binding in (b for block in function.body.blocks for b in block.bindings):
        note(binding.value, binding.var)
    note(function.body.body, None)
    return users
