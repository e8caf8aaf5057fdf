"""`from_onnx`: an ONNX model as a Relax module whose layers have the names of their source."""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto
from onnx.helper import make_tensor_value_info
from tvm import IRModule, relax
from tvm.runtime import Tensor

from eie_backend.errors import ModelError, ModelWarning, first_line, is_out_of_memory, last_line
from eie_backend.files.spool import spooled_tensor
from eie_backend.frontend.graph.class_results import in_numbers
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.dimensions import bind_dimensions
from eie_backend.frontend.graph.inline_functions import inline_functions, write_defaults
from eie_backend.frontend.graph.prepare import SPELLED, prepare
from eie_backend.frontend.graph.values import Values
from eie_backend.frontend.graph.values import bind_values as make_constant
from eie_backend.frontend.names import Source, with_aliases
from eie_backend.frontend.onnx_file import LargeWeights, load_external_data, read_model
from eie_backend.frontend.onnx_importer import (
    check_operators,
    check_validity,
    import_onnx,
    registered_operators,
)
from eie_backend.frontend.onnx_inputs import missing_inputs, unknown_operators
from eie_backend.frontend.onnx_verification import Given, Samples, verified_onnx
from eie_backend.frontend.open_blocks import ending_blocks
from eie_backend.frontend.recurrent.cells import LAYERS
from eie_backend.frontend.unknown_tensors import unknown_tensors
from eie_backend.names.onnx_graph import RECURRENT, named_nodes
from eie_backend.names.onnx_graph import label as name_of
from eie_backend.recipe import recipe_from_dict
from eie_backend.storage.container import is_eiez, load_eiez, recipe_of_eiez
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.host_layers import kept_on_host
from eie_backend.transform.layers import layer_bindings
from eie_backend.transform.normalize import Normalize
from eie_backend.verification.verified import not_compared

Model = str | PathLike[str] | bytes | ModelProto

LIBRARY_START, IMAGE_START = b"\x7fELF", b"EIEIMAGE"
"""First bytes of a shared library, and of the machine's image."""


def from_onnx(
    model: Model,
    bind: Mapping[str, int] | None = None,
    *,
    bind_values: Values | None = None,
    samples: Samples | None = None,
    verify: bool = True,
    label: str | None = None,
) -> IRModule:
    """Import an ONNX model.

    Parameters
    ----------
    model : path, bytes or ModelProto
        The model, with its weights as initializers; also the path of a ``.eiez`` file. It computes
        in float32: a `ModelWarning` tells of a model in half precision, whose inputs are float32
        then, too; and of a classifier's results that are maps or texts.
    bind : mapping of str to int, optional
        Values of dynamic dimensions, by the name that the model gives them, or by ``input.axis``.
        A dimension of -1 or 0 is dynamic, too.
    bind_values : mapping of str to array_like, optional
        Values of inputs, which become constants: what they decide is decided now.
    samples : array or mapping of str to array, optional
        Inputs to verify the import on, as for `calibrate`; by default they are generated.
    verify : bool
        Compare what the module computes, on TVM's LLVM build, with what ONNX Runtime computes, or
        onnx.reference where it is not installed. Once for each model and version: the user's folder
        of caches remembers it. Shapes and types are always compared with ONNX's inference.
    label : str, optional
        What errors call the model; by default its path, or "model".

    Returns
    -------
    IRModule
        Normalised Relax with constant weights. A layer is named after the parameter with its
        weights, as by `from_pytorch`: ``encoder.fc1.weight`` gives ``encoder_fc1``. Where the
        weights have no such name, it is named after the module that PyTorch notes for it, or its
        node; other results are named after their nodes.

    Raises
    ------
    ModelError
        If the model cannot be read or imported, a dimension stays dynamic, or a value does not fit
        its input. Of an operator that
        TVM does not import, `register_onnx_operator` takes a converter.
    ContainerError
        If a ``.eiez`` file is truncated or altered.
    MemoryError
        If memory has no room for the model.
    """
    if not isinstance(model, str | PathLike | bytes | ModelProto):
        raise ModelError(
            f"from_onnx: a {type(model).__name__}; it must be a path, bytes or a ModelProto"
        )
    for name, values in (("bind", bind), ("bind_values", bind_values)):
        if values is not None and not isinstance(values, Mapping):
            raise ModelError(
                f"from_onnx: {name} is a {type(values).__name__}; it must be a mapping of names "
                "to numbers"
            )
    mod, given = with_its_source(model, bind, bind_values, label)
    return verified_onnx(mod, given, samples) if verify else not_compared(mod, "as asked")


def with_its_source(
    model: Model,
    bind: Mapping[str, int] | None = None,
    bind_values: Values | None = None,
    label: str | None = None,
) -> tuple[IRModule, Given]:
    """Import an ONNX model as `from_onnx` does, and leave to `verified_onnx` to compare the two."""
    proto, large, label = _read(model, label)
    told = in_numbers(proto)
    original = ModelProto()
    original.CopyFrom(proto)
    for node in original.graph.node:
        node.name = name_of(node)  # what errors call it
    weights = {one.name for one in large}
    if bind_values:
        make_constant(proto, bind_values, label)
    bind_dimensions(proto, bind or {}, label, weights)
    digest = hashlib.sha256(proto.SerializeToString(deterministic=True))
    with _importing(label):
        names = named_nodes(proto.graph, weights)
        _as_inputs(proto, large)
        operators = registered_operators(proto)
        for node, named in zip(proto.graph.node, names, strict=True):
            node.name = named.name
        foreign = operators.keys() | unknown_operators(proto)
        write_defaults(proto)
        context = Context(weights, foreign)
        _check(proto, context)
        names, notes = prepare(proto, names, context)
        # Bodies of functions and loops are nodes of the graph now.
        operators |= registered_operators(proto)
    params = _values(proto, large, digest, label)
    with _importing(label):
        mod = _bound(import_onnx(proto, names, operators), params)
        normal = Normalize()(mod)
    for note in (*told, *notes):
        warnings.warn(ModelWarning(f"{label}: {note}"), stacklevel=3)
    layers = [named for named in names if named.tensor is not None]
    sources = {one.name: Source(one.name, (one.wanted, *one.aliases)) for one in layers}
    sources |= _parts(normal, proto, sources)
    noted = with_aliases(normal, sources)
    if renamed := [one.name for one in layers if one.renamed]:
        noted = with_attributes(noted, renamed=renamed)
    noted = with_attributes(noted, model_sha256=digest.hexdigest())
    if isinstance(model, str | PathLike):
        noted = with_attributes(noted, source=_source(model, bind, bind_values))
        noted = _kept_on_host(noted, Path(model))
    alone = partial(from_onnx, verify=False)
    return noted, Given(label, original, large, bind_values or {}, alone)


def _kept_on_host(mod: IRModule, path: Path) -> IRModule:
    """Return the module with the layers on the host that the recipe in a ``.eiez`` file keeps."""
    recipe = recipe_of_eiez(path) if is_eiez(path) else None
    if not isinstance(recipe, Mapping) or "runs_on" not in recipe:
        return mod
    # What else the recipe says is done.
    return kept_on_host(mod, recipe_from_dict({"runs_on": recipe["runs_on"]}))


def _source(
    path: str | PathLike[str], bind: Mapping[str, int] | None, bind_values: Values | None
) -> str:
    """Return what imports a file again, as JSON."""
    values = {name: np.asarray(value).tolist() for name, value in (bind_values or {}).items()}
    found = {"path": fspath(path), "bind": dict(bind or {}), "bind_values": values}
    return json.dumps(found, sort_keys=True)


def _parts(mod: IRModule, proto: ModelProto, sources: Mapping[str, Source]) -> dict[str, Source]:
    """Return what the layers of recurrent nodes are called: as their nodes are, among others."""
    nodes = [node.name for node in proto.graph.node if node.op_type in RECURRENT]
    # The other direction is no layer that the source has a name for.
    parts = {f"{name}_{part}": name for name in nodes for part in LAYERS if name in sources}
    own = (binding.var.name for binding, _ in layer_bindings(mod))
    return {name: Source(name, sources[parts[name]].names) for name in own if name in parts}


def _check(proto: ModelProto, context: Context) -> None:
    """Refuse a model that is invalid; what of it nobody computes comes first.

    ONNX infers wrong shapes of some operators that this machine does not have, such as STFT.
    """
    try:
        check_validity(proto, context.foreign)
    except ModelError:
        inlined = ModelProto()
        inlined.CopyFrom(proto)
        inline_functions(inlined, context)
        check_operators(inlined, context.foreign | SPELLED | {"Loop"})
        raise


def _values(
    proto: ModelProto, large: Sequence[LargeWeights], digest: Any, label: str
) -> dict[str, Tensor]:
    """Return the values of large weights by name, which go into `digest`."""
    params = {}
    for weights in large:
        with _reading(label):
            values = weights.load()
        digest.update(f"{weights.name}{weights.shape}".encode())
        digest.update(np.ascontiguousarray(values).data)
        transposed = _is_transposed(proto, weights)
        try:
            params[weights.name] = spooled_tensor(values.T if transposed else values)
        except OSError as error:
            if is_out_of_memory(error):
                raise
            raise ModelError(
                f"{label}: {weights.name}: {values.nbytes} bytes cannot be written to "
                f"{tempfile.gettempdir()}: {error.strerror}; set TMPDIR to a folder with room"
            ) from error
    return params


@contextmanager
def _importing(label: str) -> Iterator[None]:
    """Turn what TVM raises into errors for users."""
    try:
        beside = StringIO()
        with (
            ending_blocks(),
            warnings.catch_warnings(),
            redirect_stderr(beside),
            redirect_stdout(beside),
        ):
            # What the importer says beside its error is in the error.
            warnings.simplefilter("ignore")
            yield
    except ModelError as error:
        raise ModelError(f"{label}: {error}") from error.__cause__
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError(f"{label}: {last_line(error)}") from error
        # TVM raises many types; its own message says which operator it does not know.
        raise ModelError(
            f"{label}: TVM's importer fails on the model as a whole ({first_line(error)}); export "
            "it with other operators"
        ) from error


def _is_transposed(proto: ModelProto, weights: LargeWeights) -> bool:
    """Make the one Gemm that takes `weights` transposed take them as they are, if there is one.

    So they are transposed while they are read, and not twice in memory afterwards.
    """
    users = [node for node in proto.graph.node if weights.name in node.input]
    inner = any(a.HasField("g") or a.graphs for node in proto.graph.node for a in node.attribute)
    if inner or len(users) != 1 or users[0].op_type != "Gemm":
        return False
    (node,) = users
    flags = [attribute for attribute in node.attribute if attribute.name == "transB"]
    if list(node.input).index(weights.name) != 1 or not any(flag.i for flag in flags):
        return False
    node.attribute.remove(flags[0])
    declared = next(value for value in proto.graph.input if value.name == weights.name)
    for dim, extent in zip(
        declared.type.tensor_type.shape.dim, reversed(weights.shape), strict=True
    ):
        dim.dim_value = extent
    return True


def _as_inputs(proto: ModelProto, large: Sequence[LargeWeights]) -> None:
    """Declare large weights as the last inputs of the graph, in place."""
    names = {weights.name for weights in large}
    others = [value for value in proto.graph.input if value.name not in names]
    del proto.graph.input[:]
    proto.graph.input.extend(others)
    for weights in large:
        proto.graph.input.append(
            make_tensor_value_info(weights.name, weights.stored, weights.shape)
        )


def _bound(mod: IRModule, params: Mapping[str, Tensor]) -> IRModule:
    """Return the module with its last parameters bound to their values."""
    if not params:
        return mod
    main = mod["main"]
    data_inputs = len(main.params) - len(params)
    values = zip(main.params[data_inputs:], params.values(), strict=True)
    bound = relax.transform.BindParams("main", dict(values))(mod)
    bound["main"] = bound["main"].with_attr("num_input", data_inputs)
    return bound


def _read(model: Model, label: str | None) -> tuple[ModelProto, list[LargeWeights], str]:
    source: Path | bytes
    if isinstance(model, (ModelProto, bytes)):
        label = label or "model"
        source = model if isinstance(model, bytes) else model.SerializeToString()
    else:
        label = label or fspath(model)
        path = Path(model)
        source = load_eiez(path).SerializeToString() if is_eiez(path) else path
    with _reading(label):
        if isinstance(source, Path):
            _check_not_compiled(source, label)
        proto, large = read_model(source)
    _check_graph(proto, label)
    if faults := missing_inputs(proto):
        raise ModelError(f"{label}: {'; '.join(faults)}; export it again")
    if faults := unknown_tensors(proto.graph, {weights.name for weights in large}):
        raise ModelError(f"{label}: {'; '.join(faults)}; export it again")
    return proto, large, label


def _check_not_compiled(path: Path, label: str) -> None:
    """Refuse what the compiler wrote, which people give in place of what it read."""
    with path.open("rb") as file:
        start = file.read(len(IMAGE_START))
    if start.startswith(LIBRARY_START) or start == IMAGE_START:
        raise ModelError(
            f"{label}: compiled already; give the ONNX or .eiez file that it was compiled from"
        )


def load_onnx(path: str | PathLike[str]) -> ModelProto:
    """Return the model in an ONNX file, with the values that it keeps in other files.

    Raises
    ------
    ModelError
        If the file or its external data cannot be read.
    """
    with _reading(fspath(path)):
        proto = onnx.load(path, load_external_data=False)
        load_external_data(proto, Path(path).parent)
    _check_graph(proto, fspath(path))
    return proto


def read_proto(path: str | PathLike[str]) -> ModelProto:
    """Return the model in an ONNX or a ``.eiez`` file.

    Raises
    ------
    ModelError, ContainerError
        If the file cannot be read.
    """
    return load_eiez(path) if is_eiez(Path(path)) else load_onnx(path)


def _check_graph(proto: ModelProto, label: str) -> None:
    if not proto.ir_version or not proto.graph.node:
        raise ModelError(f"{label}: not an ONNX model: it has no graph; export it again")


@contextmanager
def _reading(label: str) -> Iterator[None]:
    """Turn what reading a model raises into errors for users."""
    try:
        yield
    except FileNotFoundError as error:
        missing = error.filename or label
        raise ModelError(f"{missing}: no such file; give the path of an ONNX model") from error
    except OSError as error:
        raise ModelError(
            f"{label}: cannot be read: {error.strerror}; give a file that can be read"
        ) from error
    except onnx.checker.ValidationError as error:
        raise ModelError(
            f"{label}: its external data cannot be read: {first_line(error)}; keep the data files "
            "beside the model"
        ) from error
    except (DecodeError, ValueError) as error:
        raise ModelError(
            f"{label}: not an ONNX model, or a truncated one; export it again"
        ) from error
