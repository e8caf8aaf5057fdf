"""Records of the source model that a compiled library stores for reports.

They are two entries of a program's manifest, as JSON: ``graph`` and ``weights``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.tirx import IntImm

from eie_backend.compiler.operations import Operation, all_bindings
from eie_backend.compiler.placement import place
from eie_backend.config import HardwareConfig
from eie_backend.errors import ImageError
from eie_backend.files.spool import release
from eie_backend.isa.program import Program
from eie_backend.machine.codebook import CHUNK, nonzero_codes, nonzero_values
from eie_backend.machine.nonzeros import in_threads
from eie_backend.names.find import product_name
from eie_backend.transform.layers import DenseLayer, weights_by_layer

PRODUCTS = 16
"""Matrices of a convolution by Winograd's algorithm."""

BINS = 64
"""Number of bins in a histogram of weights; even, so that 0 is a bin edge."""


@dataclass(frozen=True)
class Node:
    """An operator of the model, where it runs and why.

    `inputs` are the names of the nodes that the operator reads. The model's inputs and results are
    nodes with the operators "input" and "output", for which `runs_on` is empty. `shape` is the
    result's shape; a dynamic dimension is a name. For `runs_on`, `layer` and `reason` see
    `Placement`.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    shape: tuple[int | str, ...]
    runs_on: str = ""
    layer: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Weights:
    """A histogram of a layer's weights, before or after compression.

    `counts` are those of the non-zero weights in `BINS` bins of one width from -`limit` to `limit`.
    `values` are the shared values, if there are few, and `value_counts` how many weights have each.
    """

    limit: float
    counts: tuple[int, ...]
    zeros: int
    values: tuple[float, ...] = ()
    value_counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class ModelRecord:
    """A model's operators in order, and its layers' weights before and after compression."""

    nodes: tuple[Node, ...]
    before: Mapping[str, Weights]
    after: Mapping[str, Weights]


def read_record(programs: Sequence[Program]) -> ModelRecord | None:
    """Return the record in a library's programs; None if it is missing or was elided."""
    for program in programs:
        if program.manifest.get("graph", "").startswith("[{"):
            weights = json.loads(program.manifest["weights"])
            before, after = (
                {name: Weights(**_tuples(row)) for name, row in weights[key].items()}
                for key in ("before", "after")
            )
            nodes = [Node(**_tuples(row)) for row in json.loads(program.manifest["graph"])]
            return ModelRecord(tuple(nodes), before, after)
    return None


def source_names(programs: Sequence[Program]) -> dict[str, str]:
    """Return what each layer of a library is in the model: that of which it is one of several.

    A damaged record tells nothing of them.
    """
    names = [name for program in programs for name in program.layers]
    try:
        record = read_record(programs)
    except (KeyError, RecursionError, TypeError, ValueError):
        record = None
    known = set() if record is None else {node.layer for node in record.nodes}
    parts = {product_name(name, k): name for name in known - {*names} for k in range(PRODUCTS)}
    return {name: parts.get(name, name) for name in names}


def result_shape(programs: Sequence[Program], calls: int) -> tuple[int, ...] | None:
    """Return the shape of a model's first result for all calls; None if the library has no such.

    Raises
    ------
    ImageError
        If the library's record is damaged.
    """
    try:
        record = read_record(programs)
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ImageError(f"the record of the model is damaged: {error!r}") from error
    shape = () if record is None else record.nodes[-1].shape
    if not shape or not all(isinstance(extent, int) for extent in shape):
        return None
    return calls * int(shape[0]), *map(int, shape[1:])


def operations_json(mod: IRModule, model: Sequence[Operation]) -> str:
    """Return the operations of an imported model as JSON; `graph_json` adds where they run.

    The text is empty if the module has no `main`.
    """
    if "main" not in [gvar.name_hint for gvar in mod.get_global_vars()]:
        return ""
    main = mod["main"]
    shapes = {binding.var.name: _shape(binding.var) for binding in all_bindings(mod)}
    rows: list[tuple[Any, ...]] = [("input", p.name, (), _shape(p)) for p in main.params]
    rows += [(o.operator, o.name, o.reads, shapes.get(o.name, ())) for o in model]
    reads = tuple(var.name for var in relax.analysis.free_vars(main.body.body))
    return json.dumps([*rows, ("output", "output", reads, _shape(main.body.body))])


def graph_json(
    recorded: str, dense: IRModule, partitioned: IRModule, config: HardwareConfig
) -> str:
    """Return a model's ``graph`` entry as JSON.

    Parameters
    ----------
    recorded : str
        The result of `operations_json`.
    dense, partitioned, config
        As for `placement.place`.
    """
    rows = json.loads(recorded or "[]")
    model = [Operation(name, operator, tuple(reads)) for operator, name, reads, _ in rows]
    inner = [operation for operation in model if operation.operator not in ("input", "output")]
    placements = {row.name: row for row in place(inner, dense, partitioned, config)}
    sources: dict[str, list[str]] = {}
    nodes = []
    for operation, (*_, shape) in zip(model, rows, strict=True):
        name, operator, reads = operation
        inputs = tuple(dict.fromkeys(source for var in reads for source in sources.get(var, ())))
        # A tuple, a tuple item or an alias of a variable is not an operator.
        sources[name] = [name] if operator else list(inputs)
        if operator:
            row = placements.get(name)
            where = (row.runs_on, row.layer, row.reason) if row else ()
            nodes.append(Node(name, operator, inputs, tuple(shape), *where))
    return json.dumps([asdict(node) for node in nodes])


def weights_json(before: Mapping[str, Weights], after: Mapping[str, Weights]) -> str:
    """Return layers' weights as JSON."""
    rows = {"before": before, "after": after}
    return json.dumps(
        {key: {name: asdict(w) for name, w in found.items()} for key, found in rows.items()}
    )


def weights_before(layers: Sequence[DenseLayer]) -> dict[str, Weights]:
    """Return the weights of each layer."""
    found = {}
    for layer in layers:
        found[layer.name] = _weights(layer.weights)
        release(layer.weights)
    return found


def weights_after(
    layers: Sequence[DenseLayer], before: Mapping[str, Weights], config: HardwareConfig
) -> dict[str, Weights]:
    """Return each layer's compressed weights in the same bins, with the shared values if few."""
    found = {}
    for name, weights in weights_by_layer(layers).items():
        limit = before[name].limit if name in before else 0.0
        found[name] = _weights(weights, limit, config.codebook_entries - 1)
        release(weights)
    return found


def _weights(weights: NDArray[np.float32], limit: float = 0.0, most_values: int = 0) -> Weights:
    limit = max(limit, float(np.max(weights, initial=0)), -float(np.min(weights, initial=0))) or 1.0
    values = nonzero_values(weights, most_values) if most_values else np.empty(0, np.float32)
    if not most_values or values.size > most_values:
        counts = _histogram(weights, limit)
        zeros = weights.size - int(counts.sum())
        return Weights(limit, tuple(counts.tolist()), zeros)
    codebook = np.concatenate([np.zeros(1, np.float32), values])
    each = np.bincount(nonzero_codes(weights, codebook).values, minlength=codebook.size)[1:]
    counts = np.bincount(_bins(values, limit), each, BINS).astype(int)
    zeros = weights.size - int(each.sum())
    return Weights(
        limit, tuple(counts.tolist()), zeros, tuple(values.tolist()), tuple(each.tolist())
    )


def _histogram(weights: NDArray[np.float32], limit: float) -> NDArray[np.int64]:
    flat = weights.ravel(order="K")
    starts = range(0, flat.size, CHUNK)
    counts = np.zeros((len(starts), BINS), np.int64)

    def count(start: int) -> None:
        part = flat[start : start + CHUNK]
        found = counts[start // CHUNK]
        found += np.bincount(_bins(part, limit), minlength=BINS)
        found[BINS // 2] -= part.size - np.count_nonzero(part)

    in_threads(count, starts)
    return np.asarray(counts.sum(axis=0))


def _bins(weights: NDArray[np.float32], limit: float) -> NDArray[np.intp]:
    """Return the bin of each weight; a zero lies in the first bin above the middle."""
    # Divided first: the inverse of a subnormal limit is infinite.
    steps = np.floor(weights / np.float32(limit) * np.float32(BINS / 2)).astype(np.intp)
    return np.asarray(np.minimum(steps + BINS // 2, BINS - 1))


def _shape(value: relax.Expr) -> tuple[int | str, ...]:
    shape = getattr(getattr(value, "ty", None), "shape", None)
    extents = getattr(shape, "values", None) or ()
    return tuple(int(extent) if isinstance(extent, IntImm) else str(extent) for extent in extents)


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in row.items()}
