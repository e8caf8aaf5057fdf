"""Find the dense layers of a Relax module and rewrite their weights.

A layer is a constant matrix (inputs, outputs) on the right of a float32 ``R.matmul``; several
matmuls may use it, as those of a recurrent network's time steps do. Its name is the name of the
variable that its first matmul is bound to. Convolutions become layers in `LowerConvolutions`, which
notes in the module's attributes what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir import GlobalVar, Op
from tvm.ir.expr import GenericConst
from tvm.relax.expr import _update_type
from tvm.relax.expr_functor import PyExprMutator, mutator

from eie_backend.errors import ModelError
from eie_backend.files.spool import release
from eie_backend.transform.attributes import ModuleAttributes, Origin, attributes
from eie_backend.transform.convolution import is_convolution
from eie_backend.work.progress import watched

MATRIX_RANK = 2

ALIGNMENT_BYTES = 64
"""Alignment of a tensor that TVM takes as it is."""

MAX_SHARED = 255
"""Most non-zero values of the widest codebook that a recipe can ask for."""


@dataclass(frozen=True, eq=False)
class LayerUse:
    """A matmul with a layer's weights, and the function where it stands."""

    binding: relax.VarBinding
    function: relax.Function


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """A dense layer: its name, its weights (outputs, inputs) float32, and its uses in order.

    `source` is its name in the model: that of the convolution, for the products of Winograd's
    algorithm. Of the weights of a convolution with `groups`, all but one in `groups` are zero.
    `aliases` are what else it is called where the model comes from.
    """

    name: str
    weights: NDArray[np.float32]
    uses: list[LayerUse]
    source: str
    groups: int
    is_convolution: bool
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, str, str]:
        """What a recipe may call it: its name, its name in the model, and its kind."""
        return self.name, self.source, "@conv" if self.is_convolution else "@dense"

    @property
    def operand(self) -> relax.Expr:
        """The constant that all uses share."""
        return self.uses[0].binding.value.args[1]


def is_call(value: relax.Expr, operator: str) -> bool:
    """Return whether `value` calls the operator of that name."""
    return (
        isinstance(value, relax.Call)
        and isinstance(value.op, Op)
        and bool(value.op.name == operator)
    )


def is_matmul(value: relax.Expr) -> bool:
    """Return whether `value` is a call of ``R.matmul``."""
    return is_call(value, "relax.matmul")


def is_layer(value: relax.Expr) -> bool:
    """Return whether `value` is a matmul or a convolution, which users know by name."""
    return is_matmul(value) or is_convolution(value)


def is_constant_matrix(operand: relax.Expr) -> bool:
    """Return whether an operand is a constant of rank 2."""
    return isinstance(operand, GenericConst) and len(operand.value.shape) == MATRIX_RANK


def constant_array(constant: GenericConst) -> NDArray[Any]:
    """Return a constant's values without a copy; they are read-only."""
    values: NDArray[Any] = np.from_dlpack(constant.value)
    values.flags.writeable = False
    return values


def make_tensor(values: NDArray[Any]) -> tvm.runtime.Tensor:
    """Return a tensor with a copy of `values`, whatever their strides, and no other copy."""
    tensor = tvm.runtime.empty(values.shape, str(values.dtype))
    np.from_dlpack(tensor)[...] = values
    return tensor


def new_like(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weights of the same shape, not set yet, that a constant takes without a copy."""
    like: NDArray[Any] = np.from_dlpack(tvm.runtime.empty(weights.T.shape, "float32")).T
    return like


def as_tensor(values: NDArray[np.float32]) -> tvm.runtime.Tensor:
    """Return values as a tensor, without a copy where that is possible."""
    aligned = values.ctypes.data % ALIGNMENT_BYTES == 0
    if aligned and values.flags.c_contiguous and values.flags.writeable:
        return tvm.runtime.from_dlpack(values)
    return make_tensor(values)


def constant_weights(value: relax.Expr) -> NDArray[np.float32] | None:
    """Return a view of a matmul's constant float32 weights as (outputs, inputs), or None."""
    operand = value.args[1]
    if is_constant_matrix(operand) and str(operand.value.dtype) == "float32":
        return constant_array(operand).T
    return None


def is_shared(weights: NDArray[np.float32]) -> bool:
    """Return whether weights come from a codebook: few values, most of them used repeatedly."""
    nonzero = weights[weights != 0]
    values = np.unique(nonzero).size
    return values <= MAX_SHARED and 2 * values <= nonzero.size


def is_host_function(function: object) -> bool:
    """Return whether `function` is a Relax function of the network, called as it stands."""
    return isinstance(function, relax.Function) and not any(
        mark in (function.attrs or {}) for mark in ("Codegen", "Composite", "Primitive")
    )


def named_as(gvar: GlobalVar, function: relax.Function) -> GlobalVar:
    """Return a new variable of the same name for a function of another type."""
    found = GlobalVar(gvar.name_hint)
    _update_type(found, function.ty)
    return found


def is_main(mod: IRModule, function: relax.Function) -> bool:
    """Return whether a function of the module is the one that users call."""
    return bool(function.same_as(mod["main"]))


def matmuls(mod: IRModule) -> Iterator[tuple[relax.VarBinding, relax.Function]]:
    """Yield every matmul binding of the module's Relax functions, in order."""
    return ((b, function) for b, function in layer_bindings(mod) if is_matmul(b.value))


def layer_bindings(mod: IRModule) -> Iterator[tuple[relax.VarBinding, relax.Function]]:
    """Yield every binding of a matmul or convolution of the module's Relax functions, in order."""
    for binding, function in bindings(mod):
        if isinstance(binding, relax.VarBinding) and is_layer(binding.value):
            yield binding, function


def bindings(mod: IRModule) -> Iterator[tuple[relax.VarBinding, relax.Function]]:
    """Yield every binding of the module's Relax functions, and its function.

    First come those of `main`, in order; before a call of a function of the network comes what that
    binds, once. The bindings of all other functions follow.
    """
    functions = {gvar: f for gvar, f in mod.functions_items() if isinstance(f, relax.Function)}
    main = next((gvar for gvar in functions if gvar.name_hint == "main"), None)
    if main is not None:
        yield from _in_order(functions, functions.pop(main))
    for function in [*functions.values()]:
        yield from _in_order({}, function)


def _in_order(
    functions: dict[GlobalVar, relax.Function], function: relax.Function
) -> Iterator[tuple[relax.VarBinding, relax.Function]]:
    """Yield a function's bindings, and those of the functions that it calls, which are taken."""
    for block in function.body.blocks:
        for binding in block.bindings:
            called = getattr(getattr(binding, "value", None), "op", None)
            if isinstance(called, GlobalVar) and is_host_function(functions.get(called)):
                yield from _in_order(functions, functions.pop(called))
            yield binding, function


MOVES = ("relax.permute_dims", "relax.reshape", "relax.expand_dims", "relax.squeeze")


def products_of_results(mod: IRModule) -> set[relax.Var]:
    """Return the matmuls that multiply two results of the network, as attention does.

    They have no weights, so they are no layers. A matrix that is an input of the network may be the
    weights of a layer, which belong into the model.
    """
    found, values = set[relax.Var](), {binding.var: binding.value for binding, _ in bindings(mod)}
    mains = [function for gvar, function in mod.functions_items() if gvar.name_hint == "main"]
    inputs = {param for function in mains for param in function.params}

    def source(operand: relax.Expr) -> relax.Expr:
        while any(is_call(values.get(operand), move) for move in MOVES):
            operand = values[operand].args[0]
        return operand

    for binding, _ in matmuls(mod):
        left, right = map(source, binding.value.args)
        given = right in inputs and right.ty.ndim == MATRIX_RANK
        if isinstance(left, relax.Var) and isinstance(right, relax.Var) and not given:
            found.add(binding.var)
    return found


def matmuls_by_layer(mod: IRModule) -> list[list[LayerUse]]:
    """Return the module's matmuls, those with the same constant together, by first use."""
    groups: dict[relax.Expr, list[LayerUse]] = {}
    for binding, function in matmuls(mod):
        weights = binding.value.args[1]
        key = weights if is_constant_matrix(weights) else binding.var
        groups.setdefault(key, []).append(LayerUse(binding, function))
    return list(groups.values())


def dense_layers(mod: IRModule) -> list[DenseLayer]:
    """Return the dense layers of a module in dense form, in order of first use.

    Raises
    ------
    ModelError
        If weights or biases are NaN or infinite; every such layer is named.
    """
    layers = layers_of(mod)
    faults: list[str] = []
    for layer in layers:
        faults += _faults(layer)
        release(layer.weights)
    if faults:
        raise ModelError("; ".join(faults) + "; repair the model")
    return layers


def layers_of(mod: IRModule) -> list[DenseLayer]:
    """Return the dense layers as `dense_layers` does, without the check for NaN and infinity.

    Every call walks through the whole module; callers that need the layers again pass them on.
    """
    noted = attributes(mod)
    origins, layers = noted.convolutions, []
    for uses in matmuls_by_layer(mod):
        name = uses[0].binding.var.name
        if (weights := constant_weights(uses[0].binding.value)) is not None:
            origin = origins.get(name, Origin(name, 1))
            layer = name, weights, uses, origin.name, origin.groups, name in origins
            others = (one for one in aliases_of(name, noted) if one not in (name, origin.name))
            layers.append(DenseLayer(*layer, tuple(others)))
    return layers


def source_of(layer: str, noted: ModuleAttributes) -> str:
    """Return the name of a layer in the model: that of the convolution, of Winograd's products."""
    return noted.convolutions.get(layer, Origin(layer, 1)).name


def aliases_of(layer: str, noted: ModuleAttributes) -> tuple[str, ...]:
    """Return what else a layer is called: where the model comes from, and by its convolution."""
    own, source = noted.aliases.get(layer, ()), source_of(layer, noted)
    return own if source == layer else (source, *noted.aliases.get(source, ()), *own)


def weights_by_layer(layers: Iterable[DenseLayer]) -> dict[str, NDArray[np.float32]]:
    """Return the layers' weights (outputs, inputs) by name."""
    return {layer.name: layer.weights for layer in layers}


def is_bias(operand: relax.Expr, outputs: int) -> bool:
    """Return whether an operand of an addition is a float32 constant for each of `outputs`."""
    if not isinstance(operand, GenericConst) or str(operand.value.dtype) != "float32":
        return False
    shape = [int(extent) for extent in operand.value.shape]
    return shape[-1:] == [outputs] and prod(shape) == outputs


def bias_of(use: LayerUse) -> tuple[NDArray[np.float32] | None, relax.Var]:
    """Return the bias (outputs,) or None of one use of a layer, and the sum's variable."""
    outputs = int(use.binding.value.args[1].value.shape[1])
    product = use.binding.var
    for binding in (b for block in use.function.body.blocks for b in block.bindings):
        operands = list(binding.value.args) if is_call(binding.value, "relax.add") else []
        biases = [operand for operand in operands if is_bias(operand, outputs)]
        if biases and any(operand.same_as(product) for operand in operands):
            return constant_array(biases[0]).reshape(-1), binding.var
    return None, product


def _faults(layer: DenseLayer) -> Iterator[str]:
    biases = [bias for use in layer.uses if (bias := bias_of(use)[0]) is not None]
    for kind, tensors in (("weights", [layer.weights]), ("biases", biases)):
        size = sum(values.size for values in tensors)
        # The extremes tell without an array as large as the layer.
        extremes = [(values.min(initial=0), values.max(initial=0)) for values in tensors]
        if np.isfinite(extremes).all():
            continue
        if bad := sum(int(np.count_nonzero(~np.isfinite(values))) for values in tensors):
            yield f"{layer.name}: {bad} of {size} {kind} are NaN or infinite"


def map_weights(
    mod: IRModule,
    change: Callable[[str, NDArray[np.float32]], NDArray[np.float32]],
    what: str = "",
    layers: Sequence[DenseLayer] | None = None,
) -> IRModule:
    """Return the module with every layer's weights (outputs, inputs) replaced by `change`.

    `change` takes the layer's name and weights, once per layer, and returns weights of the same
    shape; a layer whose weights it returns as they are keeps its constant, and a module of such
    layers stays the same. `what` names the work in progress reports; without it there are none.
    `layers` are those of the module, if they are known.
    """
    layers = layers_of(mod) if layers is None else layers
    changed: dict[relax.Expr, relax.Expr] = {}
    for layer in watched(what, layers, lambda layer: layer.weights.size) if what else layers:
        new = change(layer.name, layer.weights)
        release(layer.weights)
        if new is not layer.weights:
            changed[layer.operand] = relax.const(as_tensor(new.T))
    return replace_operands(mod, changed) if changed else mod


def replace_operands(mod: IRModule, changed: Mapping[relax.Expr, relax.Expr]) -> IRModule:
    """Return the module with the right operands of its matmuls replaced."""
    return map_functions(mod, _Replace(mod, changed).visit_expr)


@mutator
class _Replace(PyExprMutator):
    def __init__(self, mod: IRModule, changed: Mapping[relax.Expr, relax.Expr]) -> None:
        super().__init__(mod)
        self.changed = changed

    def visit_var_binding_(self, binding: relax.VarBinding) -> None:
        value = binding.value
        if is_matmul(value) and value.args[1] in self.changed:
            operands = [value.args[0], self.changed[value.args[1]]]
            call = relax.Call(value.op, operands, value.attrs)
            binding = relax.VarBinding(binding.var, call)
        super().visit_var_binding_(binding)


def map_functions(mod: IRModule, change: Callable[[relax.Function], relax.Function]) -> IRModule:
    """Return the module with every Relax function replaced by `change`."""
    functions = {
        gvar: change(function) if isinstance(function, relax.Function) else function
        for gvar, function in mod.functions_items()
    }
    return IRModule(functions, attrs=mod.attrs)
