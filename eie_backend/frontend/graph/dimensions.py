"""`bind_dimensions`: dynamic dimensions of an ONNX graph's inputs become numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from onnx import ModelProto, TensorShapeProto, ValueInfoProto

from eie_backend.errors import ModelError
from eie_backend.frontend.dimensions import check_bindings, one_size_each
from eie_backend.names.onnx_graph import text_of


@dataclass(frozen=True)
class _Place:
    """A dynamic dimension of an input, and the name that it has there: "" for none."""

    dimension: TensorShapeProto.Dimension
    value: str
    axis: int
    name: str

    @property
    def key(self) -> str:
        return f"{self.value}.{self.axis}"


def bind_dimensions(
    proto: ModelProto, bind: Mapping[str, int], label: str, weights: Collection[str] = ()
) -> None:
    """Replace dynamic dimensions by their values, in place.

    Before -> after, with ``batch=1``, ``x.2=48``::

        x: (batch, 3, -1)  ->  x: (1, 3, 48)

    1. A dimension is dynamic if it has a name, or no size, or one below 1: exporters write -1 or 0.
    2. A name stands for one dimension wherever it is; ``?`` and its kind are names only if they
       stand at one place.
    3. Any place may be bound as ``input.axis``; with a name, this binds the name.
    4. Shapes inside the graph are dropped, as they follow from the inputs; of its results, what the
       bindings say is kept.

    Parameters
    ----------
    proto : ModelProto
        The model.
    bind : mapping of str to int
        Values of dimensions.
    label : str
        What errors call the model.
    weights : collection of str
        Initializers that are not in the model: these and its own are no inputs.

    Raises
    ------
    ModelError
        If an input has no shape, a dimension stays dynamic, or a binding is wrong.
    """
    constants = {tensor.name for tensor in proto.graph.initializer} | {*weights}
    inputs = [value for value in proto.graph.input if value.name not in constants]
    if faults := [v.name for v in inputs if not v.type.tensor_type.HasField("shape")]:
        raise ModelError(f"{label}: no shape for inputs {', '.join(faults)}; export it with them")
    # 1., 2.
    places = [*_places(inputs)]
    dynamic: dict[str, list[str]] = {}
    for place in places:
        dynamic.setdefault(place.name or place.key, []).append(f"{place.value}, axis {place.axis}")
    # 3.
    named = {place.key: place.name for place in places if place.name}
    own = {key: name for key, name in named.items() if key not in dynamic}
    given = one_size_each(bind, own, label)
    check_bindings(given, dynamic, label)
    for place in places:
        place.dimension.dim_value = given[place.name or place.key]
    # 4.
    del proto.graph.value_info[:]
    for value in proto.graph.output:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in given:
                dim.dim_value = given[dim.dim_param]
            elif dim.HasField("dim_value") and dim.dim_value < 1:
                dim.ClearField("dim_value")


def _places(inputs: Collection[ValueInfoProto]) -> Iterator[_Place]:
    """Yield the dynamic dimensions of inputs."""
    dims = [
        (value.name, axis, dim)
        for value in inputs
        for axis, dim in enumerate(value.type.tensor_type.shape.dim)
        if not (dim.HasField("dim_value") and dim.dim_value > 0)
    ]
    names = [text_of(dim.dim_param) for _, _, dim in dims]
    uses = Counter(names)
    for (value, axis, dim), name in zip(dims, names, strict=True):
        yield _Place(dim, value, axis, name if _is_name(name) or uses[name] == 1 else "")


def _is_name(text: str) -> bool:
    return any(letter.isalpha() for letter in text) and text not in ("None", "unknown")
