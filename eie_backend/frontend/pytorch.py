"""`from_pytorch`: a PyTorch model as a Relax module whose layers keep their modules' names."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir.expr import GenericConst
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm.tirx import IntImm

from eie_backend.errors import EieError, ModelError, ModelWarning, first_line, is_out_of_memory
from eie_backend.frontend.blame import labelled
from eie_backend.frontend.dimensions import bind_dimensions
from eie_backend.frontend.names import Source, named
from eie_backend.frontend.open_blocks import ending_blocks
from eie_backend.frontend.pytorch_converters import decomposed
from eie_backend.frontend.pytorch_masks import with_places
from eie_backend.frontend.pytorch_nodes import Converters
from eie_backend.names.rule import aliases, identifier, source_name
from eie_backend.names.unique import unique_names
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.constant_arguments import private_calls
from eie_backend.transform.inputs import input_specs
from eie_backend.transform.layers import bindings, is_call, layer_bindings, map_functions
from eie_backend.verification.samples import generated
from eie_backend.verification.verified import not_compared, verified

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram


def from_pytorch(
    model: nn.Module | ExportedProgram,
    example: Any = None,
    bind: Mapping[str, int] | None = None,
    *,
    verify: bool = True,
) -> IRModule:
    """Import a PyTorch model.

    Parameters
    ----------
    model : torch.nn.Module or torch.export.ExportedProgram
        The model, float32; a module is exported in evaluation mode.
    example : tensor or tuple, optional
        Positional inputs of a module; their shapes become the model's.
    bind : mapping of str to int, optional
        Values of an exported program's dynamic dimensions, as ``input.axis``.
    verify : bool
        Compare what the module computes, on TVM's LLVM build, with what PyTorch computes, on the
        example. Once for each model and version: the user's folder of caches remembers it.

    Returns
    -------
    IRModule
        Normalised Relax. A layer is named after the parameter with its
        weights: ``encoder.fc1.weight`` gives ``encoder_fc1``, an LSTM's merged gates ``lstm_l0``.

    Raises
    ------
    ModelError
        If PyTorch is missing, or the model cannot be exported or imported, or a dimension stays
        dynamic, or results differ: naming the first operator that deviates.

    Notes
    -----
    Recurrent networks are unrolled over the time steps of the example.
    """
    try:
        from torch.export import ExportedProgram
    except ModuleNotFoundError as error:
        raise ModelError(
            "from_pytorch needs PyTorch; install it: pip install '.[torch]' in eie's checkout"
        ) from error
    with _silence():
        exported = model if isinstance(model, ExportedProgram) else _export(model, example)
        program = with_places(exported)
        core = _decomposed(program)
        imported = _import(core)
    targets = {
        spec.arg.name: str(spec.target)
        for spec in program.graph_signature.input_specs
        if spec.target is not None
    }
    root = "model" if isinstance(model, ExportedProgram) else type(model).__name__.lower()
    kept = {**program.state_dict, **program.constants}
    parameters = {
        name: tvm.runtime.tensor(kept[targets[name]].detach().cpu().numpy())
        for name in (parameter.name for parameter in imported["main"].params)
        if name in targets
    }
    bound = relax.transform.BindParams("main", parameters)(imported)
    try:
        static = _with_counted_indices(bind_dimensions(bound, bind))
        found = named(static, _sources(imported, targets, root))
    except EieError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"model: what TVM's PyTorch importer made of it cannot be compiled "
            f"({first_line(error)}); use other operators"
        ) from error
    noted = with_attributes(found, model_sha256=_digest(imported, parameters))
    _warn(core)
    if not verify:
        return not_compared(noted, "as asked")
    return _verified(noted, program if model is exported else model, program)


def _verified(mod: IRModule, model: Any, program: ExportedProgram) -> IRModule:
    from eie_backend.frontend.pytorch_source import PytorchSource, arrays

    given = None if model is program else model
    source = PytorchSource(
        program, program.module() if given is None else given, partial(from_pytorch, verify=False)
    )
    specs, example = input_specs(mod), _distinct(arrays(program.example_inputs))
    if [(x.shape, str(x.dtype)) for x in example] != [(one.shape, one.dtype) for one in specs]:
        example = generated(specs, {})  # dimensions were bound
    # A program has the mode that it was exported in.
    mode = evaluating(given) if given is not None else nullcontext()
    with _silence(), mode, labelled("model"):
        return verified(mod, source, example)


def _distinct(example: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return an example whose equal inputs are told apart, by values in another order."""
    found: list[NDArray[Any]] = []
    for one in example:
        times = sum(one.shape == x.shape and np.array_equal(one, x) for x in example[: len(found)])
        found.append(np.roll(one, times))
    return found


def _warn(core: ExportedProgram) -> None:
    """Tell of what a module cannot do each time anew; of core operators, where nothing is idle."""
    from eie_backend.frontend.pytorch_source import changing_buffers, random_nodes

    if random := random_nodes(core):
        warnings.warn(
            ModelWarning(
                f"model: {', '.join(random)} is random: the module computes with what one call "
                "drew, or without it; take it out"
            ),
            stacklevel=3,
        )
    if changing := changing_buffers(core):
        warnings.warn(
            ModelWarning(
                f"model: buffers {', '.join(changing)} change with each call: the module keeps "
                "the values that they have now; give them as inputs, and take them as results"
            ),
            stacklevel=3,
        )


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode for the block; calls leave its buffers as they are."""
    training = model.training
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        model.eval()
        yield
    finally:
        model.train(training)
        for buffer, values in kept:
            buffer.copy_(values)


@contextmanager
def _silence() -> Iterator[None]:
    """Hide what PyTorch and the importer print: what matters is in their errors."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _export(model: nn.Module, example: Any) -> ExportedProgram:
    from torch import Tensor, nn
    from torch.export import export
    from torch.utils._pytree import tree_leaves, tree_map_only

    if not isinstance(model, nn.Module) or example is None:
        raise ModelError(
            f"from_pytorch: got {type(model).__name__}"
            f"{'' if example is not None else ' without an example'}; "
            "give a module with an example input, or an exported program"
        )
    if not any(isinstance(leaf, Tensor) for leaf in tree_leaves(example)):
        raise ModelError(
            f"from_pytorch: the example ({type(example).__name__}) holds no tensor; give the "
            "module's input as a tensor, or all of them as a tuple"
        )
    try:
        with evaluating(model):
            given = example if isinstance(example, tuple) else (example,)
            # A tensor that is given twice would become one input.
            apart = tree_map_only(Tensor, Tensor.clone, given)
            exported: ExportedProgram = export(model, apart)
    except Exception as error:
        raise ModelError(
            f"model: torch.export fails: {first_line(error)}; correct the model until it takes it"
        ) from error
    return exported


def _decomposed(program: ExportedProgram) -> ExportedProgram:
    try:
        return decomposed(program)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"model: PyTorch cannot take the program apart ({first_line(error)}); use other "
            "operators"
        ) from error


def _import(core: ExportedProgram) -> IRModule:
    """Return the program with its parameters as inputs, which still have names."""
    from tvm.relax.frontend.torch import from_exported_program

    try:
        with labelled("model"), ending_blocks():
            mod: IRModule = from_exported_program(
                core,
                keep_params_as_input=True,
                unwrap_unit_return_tuple=True,
                custom_convert_map=Converters(core),
                run_ep_decomposition=False,
            )
    except ModelError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"model: TVM's PyTorch importer fails on the program as a whole ({first_line(error)}); "
            "use other operators"
        ) from error
    main = mod.get_global_var("main")
    plain = mod[main].without_attr("params").without_attr("num_input")
    return IRModule({**dict(mod.functions_items()), main: plain})


def _sources(mod: IRModule, targets: Mapping[str, str], root: str) -> dict[str, Source]:
    """Return the names for each layer's variable whose operand comes from a parameter."""
    values: dict[relax.Expr, relax.Expr] = {b.var: b.value for b, _ in bindings(mod)}
    for _, call in private_calls(mod):
        values = {**dict(zip(mod[call.op].params, call.args, strict=True)), **values}

    def source(operand: relax.Expr) -> str:
        while (value := values.get(operand)) is not None:
            if not isinstance(value, relax.Var) and not getattr(value, "args", ()):
                return ""
            operand = value if isinstance(value, relax.Var) else value.args[0]
        return targets.get(getattr(operand, "name", ""), "")

    parameters = {
        binding.var.name: parameter
        for binding, _ in layer_bindings(mod)
        if (parameter := next(filter(None, map(source, reversed(binding.value.args))), ""))
    }
    distinct = [*dict.fromkeys(parameters.values())]
    own = unique_names([identifier(_called(parameter, root)) for parameter in distinct])
    names = dict(zip(distinct, own, strict=True))
    return {
        variable: Source(name, (name, *aliases(name, parameter)))
        for variable, parameter in parameters.items()
        for name in (names[parameter],)
    }


def _called(parameter: str, root: str) -> str:
    """Return what a layer is called by its parameter, which may be the root module's own.

    Examples
    --------
    >>> _called("encoder.fc1.weight", ""), _called("weight_ih_l0", "lstm")
    ('encoder.fc1', 'lstm.ih_l0')
    """
    full = parameter if "." in parameter else f"{root}.{parameter}"
    return source_name(full, "", full)


def _with_counted_indices(mod: IRModule) -> IRModule:
    """Return the module with indices that count from the start, as TVM's code takes them.

    PyTorch counts negative ones from the end. `GuardOperands` checks both kinds afterwards.
    """
    return map_functions(mod, _Count(mod).visit_expr)


@mutator
class _Count(PyExprMutator):
    def visit_call_(self, call: relax.Call) -> relax.Expr:
        call = super().visit_call_(call)
        if (
            is_call(call, "relax.take")
            and call.attrs.axis is not None
            and call.attrs.mode == "fast"
        ):
            data, index = call.args
            axis = int(call.attrs.axis)
            return relax.op.take(data, self._counted(index, data, axis), axis, mode="fast")
        if is_call(call, "relax.index_tensor") and isinstance(call.args[1], relax.Tuple):
            data, indices = call.args
            fields = [self._counted(one, data, axis) for axis, one in enumerate(indices.fields)]
            return relax.op.index_tensor(data, relax.Tuple(fields))
        return call

    def _counted(self, index: relax.Expr, data: relax.Expr, axis: int) -> relax.Expr:
        extent = getattr(data.ty.shape, "values", {axis: None})[axis]
        if not isinstance(extent, IntImm) or "int" not in str(index.ty.dtype):
            return index
        if isinstance(index, GenericConst):
            values = index.value.numpy()
            counted = np.where(values < 0, values + int(extent), values).astype(values.dtype)
            return relax.const(counted, str(values.dtype))
        size, zero = (relax.const(n, str(index.ty.dtype)) for n in (int(extent), 0))
        from_the_end = self.builder_.emit(relax.op.less(index, zero))
        shifted = self.builder_.emit(relax.op.add(index, size))
        return self.builder_.emit(relax.op.where(from_the_end, shifted, index))


def _counts(take: relax.Call) -> bool:
    """Return whether indices may count from the end; those of a recurrent layer's steps do not."""
    return bool(take.attrs.mode == "fast")


def _digest(imported: IRModule, parameters: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(imported.script().encode())
    for name, values in sorted(parameters.items()):
        digest.update(name.encode() + values.numpy().tobytes())
    return digest.hexdigest()
