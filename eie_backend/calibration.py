"""`calibrate`: measure the ranges that the fixed-point formats must hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tvm
from numpy.typing import ArrayLike
from tvm import IRModule, relax

from eie_backend.errors import ModelError
from eie_backend.inputs import batches, check_inputs, input_specs
from eie_backend.transform.layers import DenseLayer, dense_layers
from eie_backend.transform.normalize import Normalize

Data = ArrayLike | Mapping[str, ArrayLike]


def calibrate(mod: IRModule, data: Data) -> IRModule:
    """Run a module on sample data and note the largest magnitudes around every dense layer.

    Parameters
    ----------
    mod : IRModule
        A Relax module with constant weights; calibrate after compressing.
    data : array or mapping of str to array
        Samples for each input by name, or for the only input; float32, the leading dimension a
        multiple of the module's.

    Returns
    -------
    IRModule
        The normalised module with the attribute ``eie.calibration``: by layer, the largest
        magnitude of its input, of its sum (bias included) and of its output.

    Raises
    ------
    InputError
        If the data does not fit the module's inputs.
    ModelError
        If the module has no function ``main``.

    Notes
    -----
    **Source**: design choice; the EIE paper gives no format of its 16-bit numbers. The module runs
    on TVM's LLVM backend.
    """
    normal = Normalize()(mod)
    if "main" not in [gvar.name_hint for gvar in normal.get_global_vars()]:
        raise ModelError("calibrate: the module has no function `main`")
    layers = [
        layer for layer in dense_layers(normal) if layer.function.same_as(normal["main"])
    ]
    probes = {layer.name: _probes(layer) for layer in layers}
    wanted = [var for three in probes.values() for var in three]
    observed = _returning(normal, wanted)
    machine = relax.VirtualMachine(tvm.compile(observed, target="llvm"), tvm.cpu())
    specs = input_specs(normal)
    largest = np.zeros(len(wanted))
    for batch in batches(check_inputs(specs, data), specs):
        tensors = machine["main"](*(tvm.runtime.tensor(value) for value in batch))
        maxima = [np.abs(tensor.numpy()).max(initial=0.0) for tensor in tensors]
        largest = np.maximum(largest, maxima)
    if faults := [name for name, row in zip(probes, largest.reshape(-1, 3), strict=True)
                  if not np.isfinite(row).all()]:
        raise ModelError(
            f"calibrate: {', '.join(faults)}: NaN or infinite activations; check the data"
        )
    ranges = {
        name: dict(zip(("input", "sum", "output"), map(float, row), strict=True))
        for name, row in zip(probes, largest.reshape(-1, 3), strict=True)
    }
    return normal.with_attr("eie.calibration", ranges)


def _probes(layer: DenseLayer) -> tuple[relax.Var, relax.Var, relax.Var]:
    """Return the variables of a layer's input, of its sum and of its output."""
    bindings = [b for block in layer.function.body.blocks for b in block.bindings]
    total = layer.binding.var
    for binding in bindings:
        if _is_call(binding, "relax.add", total) and any(
            isinstance(arg, tvm.ir.expr.GenericConst) for arg in binding.value.args
        ):
            total = binding.var
            break
    output = next((b.var for b in bindings if _is_call(b, "relax.nn.relu", total)), total)
    return layer.binding.value.args[0], total, output


def _is_call(binding: relax.Binding, operator: str, operand: relax.Var) -> bool:
    value = binding.value
    return (
        isinstance(value, relax.Call)
        and value.op.name == operator
        and any(arg.same_as(operand) for arg in value.args)
    )


def _returning(mod: IRModule, wanted: list[relax.Var]) -> IRModule:
    """Return the module with a `main` that returns `wanted` instead of its results."""
    main = mod["main"]
    # Variables of a dataflow block do not leave it, so the function is rebuilt without one.
    plain = relax.transform.ToNonDataflow()(IRModule({"main": main}))["main"]
    renamed = {
        old.var: new.var
        for old_block, new_block in zip(main.body.blocks, plain.body.blocks, strict=True)
        for old, new in zip(old_block.bindings, new_block.bindings, strict=True)
    }
    renamed |= dict(zip(main.params, plain.params, strict=True))
    results = relax.Tuple([renamed[var] for var in wanted])
    body = relax.SeqExpr(plain.body.blocks, results)
    result_type = tvm.ir.TupleType([var.ty for var in wanted])
    function = relax.Function(plain.params, body, result_type, attrs=plain.attrs)
    functions = {**dict(mod.functions_items()), mod.get_global_var("main"): function}
    return relax.transform.Normalize()(IRModule(functions))


