"""`verify_values`: compare what a module computes with its source, and find who deviates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule

from eie_backend.errors import InputError, ModelError, first_line, is_out_of_memory
from eie_backend.host.network import HostNetwork
from eie_backend.verification.difference import OF_A_NETWORK, OF_AN_OPERATOR, OF_HALVES, difference
from eie_backend.verification.source import Arrays, Operator, Source

WAY_OUT = "import it as it is, with verify=False (--no-verify)"
NOT_COMPARED = "its values were not compared"
OF_NAN = "what is made of NaN differs from runtime to runtime"
REFUSES = "refuses generated inputs"
NUDGE = 1e-6
"""Relative change of inputs that rounding alone makes, too."""


class NotRunError(Exception):
    """The source's runtime cannot run the model; the message says why."""


def verify_values(mod: IRModule, source: Source, inputs: Arrays) -> str:
    """Compare a module's results with those of its source on some inputs.

    Parameters
    ----------
    mod : IRModule
        What was imported.
    source : Source
        What it was imported from.
    inputs : sequence of array
        For both, in order.

    Returns
    -------
    str
        What was compared, as a sentence without a full stop.

    Raises
    ------
    ModelError
        If they differ by more than rounding: naming the first operator that deviates.
    NotRunError
        If the source's runtime cannot run it.

    Notes
    -----
    Where results differ, each operator is imported and run alone on the values that it gets in the
    source, so that no earlier deviation hides or causes another.

    **Source**: design choice.
    """
    if _has_nan(inputs):
        return f"{NOT_COMPARED}: {OF_NAN}"
    expected = _expected(source, inputs)
    if not (said := _differs(mod, source, inputs, expected)):
        numbers = " where they are numbers" if _has_nan(expected) else ""
        return f"its results are those of {source.runtime}{numbers}"
    if difference(_expected(source, inputs), expected, OF_A_NETWORK):
        return f"{NOT_COMPARED}: {', '.join(source.random) or 'something in it'} is random"
    excused, of_nan = [], _has_nan(expected)
    for operator in _operators(source, inputs):
        if _has_nan(operator.inputs):
            of_nan = True
            continue
        alone = _deviates(operator, operator.expected)
        if alone and _is_as_defined(operator):
            excused.append(operator.node)
        elif alone:
            cause, remedy = operator.blame or (source.cause, source.remedy)
            raise ModelError(
                f"node {operator.node!r} ({operator.kind}) {alone}, by {source.runtime}: "
                f"{cause}; {remedy}, or {WAY_OUT}"
            )
    if of_nan:
        return f"{NOT_COMPARED}: {OF_NAN}"
    if said.startswith(REFUSES):
        return f"{NOT_COMPARED}: it {said}"
    if excused:
        return (
            f"its operators are those of {source.runtime}, one by one, but for what their "
            f"definition says otherwise: {', '.join(excused)}"
        )
    if _chaotic(source, inputs, expected):
        return (
            f"its operators are those of {source.runtime}, one by one; rounding decides its results"
        )
    raise ModelError(
        f"the imported model {said}, by {source.runtime}, though each of its operators is right "
        "alone, so this is a fault of eie; set verify=False (--no-verify) to import it as it is, "
        "and report it with the model"
    )


def _differs(mod: IRModule, source: Source, inputs: Arrays, expected: Arrays) -> str:
    """Return how a module's results differ, in words; nothing if they do not."""
    try:
        found = _judged(_on_host(mod, inputs), expected)
    except InputError as error:
        return f"{REFUSES} ({first_line(error)}); give samples"
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return f"cannot be run: {first_line(error)}"
    said = difference(found, expected, OF_A_NETWORK)
    return difference(found, expected, OF_HALVES) if said and source.halves else said


def _judged(found: Arrays, expected: Arrays) -> Arrays:
    """Return results with NaN wherever that is expected: what is made of it is not judged."""
    if len(found) != len(expected):
        return found
    return [
        np.where(np.isnan(other), one.dtype.type(np.nan), one)
        if one.shape == other.shape and _is_float(one) and _is_float(other)
        else one
        for one, other in zip(found, expected, strict=True)
    ]


def _on_host(mod: IRModule, inputs: Arrays) -> Arrays:
    # Half precision of the source is single precision here.
    given = [
        np.array(x, str(one.ty.dtype), order="C")
        for one, x in zip(mod["main"].params, inputs, strict=True)
    ]
    return HostNetwork(mod)(*given)


def _expected(source: Source, inputs: Arrays) -> Arrays:
    try:
        return source.outputs(inputs)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise NotRunError(f"{source.runtime} does not run it: {first_line(error)}") from error


def _operators(source: Source, inputs: Arrays) -> Iterator[Operator]:
    """Yield the operators of a source; its runtime may be unable to show them."""
    operators = source.operators(inputs)
    while True:
        try:
            operator = next(operators)
        except StopIteration:
            return
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise NotRunError(
                f"{source.runtime} does not show its operators: {first_line(error)}"
            ) from error
        yield operator


def _has_nan(arrays: Arrays) -> bool:
    return any(_is_float(x) and bool(np.isnan(x).any()) for x in arrays)


def _is_float(x: NDArray[Any]) -> bool:
    return bool(np.issubdtype(x.dtype, np.floating))


def _is_as_defined(operator: Operator) -> bool:
    """Return whether an operator is as it is defined, where its runtime is not."""
    try:
        defined = operator.by_definition() if operator.by_definition else None
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return False
    return defined is not None and not _deviates(operator, defined)


def _deviates(operator: Operator, expected: Arrays) -> str:
    """Return how an operator differs from results, in words; nothing if it cannot be told."""
    try:
        alone = operator.imported()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return ""
    try:
        found = _on_host(alone, operator.inputs)
    except InputError:  # it wants other inputs, and the runtime takes these in some way
        return ""
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return f"cannot be compiled: {first_line(error)}"
    return difference(_judged(found, expected), expected, OF_AN_OPERATOR)


def _chaotic(source: Source, inputs: Arrays, expected: Arrays) -> bool:
    """Return whether inputs that differ by rounding give the source other results, too."""
    rng = np.random.default_rng(0)
    nudged = [
        x * (1 + NUDGE * rng.choice((-1, 1), x.shape)).astype(x.dtype)
        if np.issubdtype(x.dtype, np.floating)
        else x
        for x in inputs
    ]
    return difference(_expected(source, nudged), expected, OF_A_NETWORK) != ""
