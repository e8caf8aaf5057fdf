"""`blaming` and `labelled`: errors of an import name the node and the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tvm import relax
from tvm.tirx import IntImm

from eie_backend.errors import ModelError, first_line, is_out_of_memory


@contextmanager
def labelled(label: str) -> Iterator[None]:
    """Put what the model is called before what is wrong with it."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{label}: {error}") from error.__cause__


@contextmanager
def blaming(
    name: str, operator: str, inputs: Sequence[Any], remedy: str, whose: str = "TVM's"
) -> Iterator[None]:
    """Turn what goes wrong inside into a `ModelError` with the node, its inputs and a way out."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        # TVM's converters raise many types; what they say is about the converter, not the node.
        if is_out_of_memory(error):
            raise
        given = ", ".join(map(_said, inputs)) or "no inputs"
        raise ModelError(
            f"node {name!r} ({operator}) of {given}: {whose} converter of it fails "
            f"({first_line(error)}); {remedy}"
        ) from error


def _said(value: Any) -> str:
    """Return what an input is: its shape and its dtype."""
    if value is None:
        return "nothing"
    kind = getattr(value, "ty", None)
    if not isinstance(kind, relax.TensorType):
        return "a shape" if isinstance(kind, relax.ShapeType) else "a value that is no tensor"
    extents = getattr(kind.shape, "values", None)
    if extents is None:
        return f"{kind.dtype} of an unknown shape"
    shape = ", ".join(str(int(one)) if isinstance(one, IntImm) else "?" for one in extents)
    return f"{kind.dtype} ({shape})"
