"""`register_onnx_operator`: converters of ONNX operators that TVM's importer does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeAlias, TypeVar, overload

from onnx import TensorProto, ValueInfoProto, numpy_helper
from onnx.helper import tensor_dtype_to_np_dtype
from tvm import relax
from tvm.tirx import IntImm

from eie_backend.errors import InputError, ModelError, first_line, is_out_of_memory

Converter: TypeAlias = Callable[
    [relax.BlockBuilder, Sequence[relax.Expr | None], dict[str, Any]],
    relax.Expr | tuple[relax.Expr, ...],
]
Given = TypeVar("Given", bound=Converter)

DEFAULT_DOMAINS = ("", "ai.onnx")
"""The two names of ONNX's own domain."""


class _Unfit(Exception):
    """What a converter returned instead of what a node needs."""


@dataclass(frozen=True)
class OnnxOperator:
    """A registration: an operator of a domain, from a version of its operator set on."""

    name: str
    domain: str
    since_version: int
    converter: Converter

    @property
    def qualified(self) -> str:
        """The operator with its domain, ``org.example::Snake``, or alone in ONNX's own domain."""
        return qualified(self.domain, self.name)

    def converted(
        self,
        builder: relax.BlockBuilder,
        inputs: Sequence[relax.Expr | None],
        attributes: Mapping[str, Any],
    ) -> relax.Expr:
        """Return what the converter makes of a node; several results are a `relax.Tuple`."""
        plain = {name: _plain(value) for name, value in attributes.items() if name != "tvm_custom"}
        value = self.converter(builder, list(inputs), plain)
        fields = value if isinstance(value, tuple) else (value,)
        if wrong := [type(one).__name__ for one in fields if not isinstance(one, relax.Expr)]:
            raise _Unfit(f"{', '.join(wrong)}, not a Relax expression or a tuple of them")
        return fields[0] if len(fields) == 1 else relax.Tuple(fields)

    def check(self, result: relax.Expr, declared: Sequence[ValueInfoProto | None]) -> None:
        """Check that normalised results are tensors, as the model declares them."""
        types = result.ty.fields if isinstance(result.ty, relax.TupleType) else [result.ty]
        if len(types) < len(declared):
            raise _Unfit(f"{len(types)} results, the node has {len(declared)}")
        for number, (found, wanted) in enumerate(zip(types, declared, strict=False)):
            if not isinstance(found, relax.TensorType):
                raise _Unfit(f"{type(found).__name__} as result {number}, not a tensor")
            if wanted is not None and not _fits(found, wanted):
                raise _Unfit(f"{_text(found)} as {wanted.name}, declared {_said(wanted)}")

    @contextmanager
    def blamed(self, node: str) -> Iterator[None]:
        """Turn what goes wrong inside into a `ModelError` that names the node and the converter."""
        code = self.converter
        called = f"{code.__module__}.{getattr(code, '__qualname__', type(code).__qualname__)}"
        try:
            yield
        except Exception as error:
            if is_out_of_memory(error):
                raise
            does = "returns" if isinstance(error, _Unfit) else f"raises {type(error).__name__}:"
            raise ModelError(
                f"node {node!r}: the converter {called} of {self.qualified} {does} "
                f"{first_line(error)}; correct it"
            ) from error


_REGISTERED: dict[tuple[str, str, int], OnnxOperator] = {}
_LOCK = Lock()


@overload
def register_onnx_operator(
    name: str, converter: Given, *, domain: str = "", since_version: int = 1
) -> Given: ...
@overload
def register_onnx_operator(
    name: str, converter: None = None, *, domain: str = "", since_version: int = 1
) -> Callable[[Given], Given]: ...
def register_onnx_operator(
    name: str, converter: Any = None, *, domain: str = "", since_version: int = 1
) -> Any:
    """Teach `from_onnx` an operator that TVM's importer does not have, or another one to convert.

    The registration holds for this process, in `from_onnx` alone: TVM's own importer does not
    change. What the converter returns runs on the host, compiled by TVM; products with constant
    weights in it are layers of the machine like all others.

    Parameters
    ----------
    name : str
        The operator's name. One that TVM's importer has is converted by `converter` from now on.
    converter : callable, optional
        ``converter(builder, inputs, attributes)`` returns a Relax expression, or a tuple of them if
        the node has several results. `builder` is a `relax.BlockBuilder`, for ``call_te``; `inputs`
        are Relax expressions, None where an optional one is left out; a weight is a constant, or a
        variable that is bound to it later; `attributes` is a dict of numbers, texts, tuples of
        them, and arrays. Without `converter`, the function is a decorator.
    domain : str
        Of the operator; ONNX's own by default.
    since_version : int
        First version of the domain's operator set for which the converter holds. Of several, the
        latest counts that a model's version reaches.

    Returns
    -------
    callable
        The converter.

    Raises
    ------
    InputError
        If an argument is impossible; all faults at once.

    Notes
    -----
    A second registration of the same operator, domain and version takes the place of the first.
    Any thread may register; a model is imported with what is registered when its import begins.
    `unregister_onnx_operator` takes a registration back; `onnx_operators` lists them.

    **Source**: design choice.

    Examples
    --------
    >>> @register_onnx_operator("Cube", domain="org.example")
    ... def cube(builder, inputs, attributes):
    ...     (x,) = inputs
    ...     return relax.op.multiply(x, relax.op.multiply(x, x))
    >>> [operator.qualified for operator in onnx_operators()]
    ['org.example::Cube']
    >>> unregister_onnx_operator("Cube", domain="org.example")
    """
    if converter is None:
        return lambda given: register_onnx_operator(
            name, given, domain=domain, since_version=since_version
        )
    given: dict[str, object] = {
        "name": name,
        "converter": converter,
        "domain": domain,
        "since_version": since_version,
    }
    since = given["since_version"]
    checks = {
        "name": ("a text that is not empty", isinstance(given["name"], str) and bool(name)),
        "converter": ("callable", callable(given["converter"])),
        "domain": ("a text", isinstance(given["domain"], str)),
        "since_version": ("an integer of at least 1", type(since) is int and since >= 1),
    }
    faults = [
        f"{what} is {given[what]!r}, it must be {allowed}"
        for what, (allowed, holds) in checks.items()
        if not holds
    ]
    if name == "If" and domain in DEFAULT_DOMAINS:
        faults.append("name is 'If', whose branches only TVM's importer converts; take another")
    if faults:
        raise InputError(f"register_onnx_operator: {'; '.join(faults)}")
    found = OnnxOperator(name, plain_domain(domain), since_version, converter)
    with _LOCK:
        _REGISTERED[found.domain, name, since_version] = found
    return converter


def unregister_onnx_operator(name: str, *, domain: str = "") -> None:
    """Take back all registrations of an operator, of any version.

    Raises
    ------
    InputError
        If there is none.
    """
    with _LOCK:
        keys = [key for key in _REGISTERED if key[:2] == (plain_domain(domain), name)]
        for key in keys:
            del _REGISTERED[key]
    if not keys:
        raise InputError(
            f"unregister_onnx_operator: {qualified(plain_domain(domain), name)} is not registered; "
            "take one of onnx_operators()"
        )


def onnx_operators() -> list[OnnxOperator]:
    """Return what is registered, by domain, name and version."""
    with _LOCK:
        return [_REGISTERED[key] for key in sorted(_REGISTERED)]


def plain_domain(domain: str) -> str:
    """Return a domain; ONNX's own has two names, of which this gives one."""
    return "" if domain in DEFAULT_DOMAINS else domain


def qualified(domain: str, name: str) -> str:
    """Return what messages call an operator."""
    return f"{domain}::{name}" if domain else name


def _plain(value: Any) -> Any:
    """Return an attribute as Python's or NumPy's; graphs and types stay as they are."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def _fits(found: relax.TensorType, wanted: ValueInfoProto) -> bool:
    """Return whether a tensor has the dtype, the rank and the fixed extents that are declared."""
    declared = wanted.type.tensor_type
    if declared.elem_type and str(found.dtype) != _dtype(wanted):
        return False
    if not declared.HasField("shape"):
        return True
    extents = getattr(found.shape, "values", None)
    if extents is None:
        return found.ndim in (-1, len(declared.shape.dim))
    return len(extents) == len(declared.shape.dim) and all(
        not dim.HasField("dim_value") or not isinstance(one, IntImm) or int(one) == dim.dim_value
        for one, dim in zip(extents, declared.shape.dim, strict=True)
    )


def _dtype(wanted: ValueInfoProto) -> str:
    return str(tensor_dtype_to_np_dtype(wanted.type.tensor_type.elem_type))


def _text(found: relax.TensorType) -> str:
    extents = getattr(found.shape, "values", None)
    fixed = (int(one) if isinstance(one, IntImm) else one for one in extents or ())
    shape = "?" if extents is None else f"({', '.join(map(str, fixed))})"
    return f"{shape} {found.dtype}"


def _said(wanted: ValueInfoProto) -> str:
    dims = wanted.type.tensor_type.shape.dim
    extents = (str(dim.dim_value) if dim.HasField("dim_value") else dim.dim_param for dim in dims)
    return f"({', '.join(extents)}) {_dtype(wanted)}"
