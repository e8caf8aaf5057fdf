"""Check a user's arrays against a module's inputs and cut them into its batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tvm import IRModule
from tvm.tirx import IntImm

from eie_backend.errors import InputError

Item = TypeVar("Item")


class InputSpec(NamedTuple):
    """Name, shape and dtype of one input of a compiled program."""

    name: str
    shape: tuple[int, ...]
    dtype: str


def input_specs(mod: IRModule) -> list[InputSpec]:
    """Return the inputs of a module's `main`; a dynamic dimension counts as 1."""
    return [
        InputSpec(str(p.name), tuple(as_extent(d) for d in p.ty.shape.values), str(p.ty.dtype))
        for p in mod["main"].params
    ]


def as_extent(dim: object) -> int:
    """Return a dimension as a number; a dynamic one counts as 1."""
    return int(dim) if isinstance(dim, (int, IntImm)) else 1


def check_inputs(
    specs: Sequence[InputSpec], data: ArrayLike | Mapping[str, ArrayLike]
) -> list[NDArray[np.generic]]:
    """Return the checked arrays in the order of `specs`.

    Each array has the input's shape, or a leading dimension that is a multiple of the input's:
    several batches. Numbers of another dtype are converted if the input's has them all: floats are
    rounded, integers must be exact.

    Raises
    ------
    InputError
        If arrays are missing, unknown or do not fit; the message names all of them.
    """
    if not isinstance(data, Mapping):
        if len(specs) != 1:
            names = ", ".join(spec.name for spec in specs)
            raise InputError(f"one array for {len(specs)} inputs; give them by name: {names}")
        data = {specs[0].name: data}
    faults = [
        f"{name}: no such input, leave it out"
        for name in data
        if name not in {s.name for s in specs}
    ]
    arrays: list[NDArray[np.generic]] = []
    for spec in specs:
        if spec.name not in data:
            faults.append(f"{spec.name}: missing, give it")
            continue
        given = as_array(data[spec.name])
        array = converted(given, np.dtype(spec.dtype))
        if array is None:
            faults.append(f"{spec.name}: {_unlike(given)}, it must be {spec.dtype}")
            continue
        if not _fits(array.shape, spec.shape):
            faults.append(
                f"{spec.name}: shape {array.shape}, expected {spec.shape} or several of them "
                "along the first axis"
            )
        arrays.append(array)
    if not faults:
        pairs = zip(arrays, specs, strict=True)
        counts = {array.shape[0] // spec.shape[0] for array, spec in pairs if spec.shape}
        if len(counts) > 1:
            raise InputError(
                f"inputs hold different numbers of batches: {sorted(counts)}; give as many of each"
            )
    if faults:
        raise InputError("input " + "; input ".join(faults))
    return arrays


def converted(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[np.generic] | None:
    """Return numbers as another dtype, None if it does not have them all.

    Examples
    --------
    >>> converted(np.array([0, 255], np.uint8), np.dtype("float32"))
    array([  0., 255.], dtype=float32)
    """
    if array.dtype == dtype:
        return array
    if array.dtype.kind not in "iuf" or dtype.kind not in "iuf":
        return None
    if array.dtype.kind == "f" and dtype.kind != "f":
        return None
    with np.errstate(over="ignore"):
        found: NDArray[np.generic] = array.astype(dtype)
    if array.dtype.kind == "f":
        same = bool((np.isfinite(found) == np.isfinite(array)).all())
    else:
        low, high = int(array.min(initial=0)), int(array.max(initial=0))
        limits = np.iinfo(dtype) if dtype.kind != "f" else None
        within = limits is None or (limits.min <= low and high <= limits.max)
        same = within and bool((found.astype(array.dtype) == array).all())
    return found if same else None


def _unlike(array: NDArray[Any]) -> str:
    """Say what an array is that is not converted."""
    if array.dtype.kind in "US":
        return "a text, not numbers; read a file with numpy.load"
    if array.dtype.kind == "O":
        return "no array of numbers"
    values = f" from {array.min():.6g} to {array.max():.6g}" if array.dtype.kind in "iuf" else ""
    return f"dtype {array.dtype}{values if array.size else ''}"


def as_array(value: Any) -> NDArray[np.generic]:
    """Convert an array, a nested sequence or a TVM tensor to a NumPy array."""
    if hasattr(value, "numpy"):
        tensor: NDArray[np.generic] = value.numpy()
        return tensor
    try:
        return np.asarray(value)
    except ValueError:  # lists of different lengths
        return np.array(None)


def _fits(shape: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    if not expected:
        return shape == expected
    return (
        len(shape) == len(expected)
        and shape[1:] == expected[1:]
        and shape[0] > 0
        and shape[0] % expected[0] == 0
    )


def batches(
    arrays: Sequence[NDArray[np.generic]], specs: Sequence[InputSpec]
) -> Iterator[list[NDArray[np.generic]]]:
    """Yield the inputs of each call, cut along the first axis."""
    count = max(
        (a.shape[0] // s.shape[0] for a, s in zip(arrays, specs, strict=True) if a.ndim), default=1
    )
    for number in range(count):
        yield [
            np.ascontiguousarray(a[number * s.shape[0] : (number + 1) * s.shape[0]])
            if a.ndim
            else a
            for a, s in zip(arrays, specs, strict=True)
        ]


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """Return at most `count` of the items, evenly spaced and including the first.

    Examples
    --------
    >>> evenly("abcdef", 3)
    ['a', 'c', 'e']
    """
    step = max(len(items) / count, 1.0)
    return [items[int(number * step)] for number in range(min(count, len(items)))]
