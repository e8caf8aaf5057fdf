"""`scheduled`: a kernel by a schedule of the user's, refused unless the machine can run it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from tvm.tirx import PrimFunc

from eie_backend.errors import EieError, ModelError, last_line
from eie_backend.lower.kernel_steps import KernelStep, kernel_steps
from eie_backend.schedules.kernel import Span
from eie_backend.schedules.schedule import KernelLayer, KernelSchedule
from eie_backend.schedules.tensorize import tensorize


def schedule_name(schedule: KernelSchedule) -> str:
    """Return what messages and manifests call a schedule: the module and the name of a function."""
    named = schedule if hasattr(schedule, "__qualname__") else type(schedule)
    return f"{named.__module__}.{named.__qualname__}"


def scheduled(schedule: KernelSchedule, kernel: PrimFunc, layer: KernelLayer) -> PrimFunc:
    """Return a layer's kernel, scheduled.

    Raises
    ------
    ModelError
        If the schedule fails, or its kernel is none that the machine can run with the same results
        bit for bit; the message lists all faults.
    """
    name = schedule_name(schedule)
    try:
        found = schedule(kernel, layer)
    except EieError:
        raise
    except Exception as error:
        raise ModelError(
            f"{layer.name}: the schedule {name} raises {type(error).__name__}: {last_line(error)}; "
            "correct it"
        ) from error
    if faults := list(kernel_faults(found, kernel, layer)):
        raise ModelError(
            f"{layer.name}: the machine cannot run the kernel of the schedule {name}: "
            f"{'; '.join(faults)}; correct it, with `tile` and `tensorize` of eie_backend.schedules"
        )
    return found.with_attrs(dict(kernel.attrs.items()))


def kernel_faults(found: object, kernel: PrimFunc, layer: KernelLayer) -> Iterator[str]:
    """Yield what is wrong with a scheduled kernel.

    1. It has the parameters of the kernel, and besides the loop over samples only intrinsics.
    2. An output block begins as the kernel does, sums its input blocks, and ends as the kernel.
    3. Output blocks follow one another over all outputs, and in each the input blocks over all
       inputs: each output is summed over the same inputs in the same order.
    4. Blocks begin at a PE's first row, and fit registers and SRAM.
    """
    if not isinstance(found, PrimFunc):
        yield f"it is a {type(found).__name__}, not a PrimFunc"
        return
    # 1.
    if (own := _parameters(found)) != (wanted := _parameters(kernel)):
        yield f"its parameters are {own}, not {wanted}"
        return
    try:
        steps = kernel_steps(found)
    except (AssertionError, AttributeError, KeyError, TypeError) as error:
        yield f"it has more than the loop over samples and T.eie calls: {last_line(error)}"
        return
    # 2.
    first, _, last = kernel_steps(tensorize(kernel))
    blocks = list(_blocks(steps))
    outputs: list[Span] = []
    for block in blocks:
        names = [step.name for step in block]
        if len(block) < 3 or names != [first.name, *["mvm"] * (len(block) - 2), last.name]:
            yield (
                f"an output block is {', '.join(names)}; it must be {first.name}, one mvm or more, "
                f"{last.name}"
            )
            continue
        start, *tiles, end = block
        rows = end.spans["y"][1]
        outputs.append(rows)
        others = [*start.spans.get("b", ()), *(one.spans["w"][1] for one in tiles)]
        if any(other != rows for other in others):
            yield f"{_said('outputs', rows)} are written from sums over {_spans(others)}"
        if end.args[1:] != last.args[1:]:
            yield f"{_said('outputs', rows)} end as {end.args[1:]}, the kernel as {last.args[1:]}"
        yield from _misfits(rows, tiles, layer)
    # 3.
    if len(outputs) == len(blocks) and not _follow(outputs, layer.weights.shape[0]):
        yield f"output blocks {_spans(outputs)} are not 0 to {layer.weights.shape[0]} in order"


def _blocks(steps: Sequence[KernelStep]) -> Iterator[list[KernelStep]]:
    """Yield the steps up to each that writes back; what is left over is a block, too."""
    block: list[KernelStep] = []
    for step in steps:
        block.append(step)
        if step.name == "write_back":
            yield block
            block = []
    if block:
        yield block


def _misfits(rows: Span, tiles: Sequence[KernelStep], layer: KernelLayer) -> Iterator[str]:
    """Yield what of an output block does not fit the machine, or is not summed in order."""
    config = layer.config
    inputs = [one.spans["w"][0] for one in tiles]
    block = _said("outputs", rows)
    # 4.
    for what, span in [("outputs", rows), *(("inputs", span) for span in inputs)]:
        if span[0] % config.num_pe:
            yield f"{_said(what, span)} begin at no multiple of {config.num_pe} PEs"
        if span[1] - span[0] > config.block_values:
            yield f"{_said(what, span)} are more than the {config.block_values} of the registers"
    # 3.
    if not _follow(inputs, layer.weights.shape[1]):
        wanted = f"0 to {layer.weights.shape[1]} in order"
        yield f"{block}: input blocks {_spans(inputs)} are not {wanted}"
        return
    if any(one.spans["x"][1] != span for one, span in zip(tiles, inputs, strict=True)):
        yield f"{block}: weights are multiplied with the activations of other inputs"
    # 4.
    lengths = layer.lengths(rows)
    for start, stop in inputs:
        columns = lengths[:, start : stop if stop < layer.weights.shape[1] else None]
        entries = int(np.max(columns.sum(axis=1), initial=0))
        if columns.shape[1] > config.matrix_columns:
            yield (
                f"{block}, {_said('inputs', (start, stop))}: {columns.shape[1]} columns, the "
                f"pointer SRAM has {config.matrix_columns}"
            )
        if entries > config.matrix_entries:
            yield (
                f"{block}, {_said('inputs', (start, stop))}: {entries} entries in a PE, which "
                f"reaches {config.matrix_entries}"
            )


def _follow(spans: Sequence[Span], length: int) -> bool:
    """Return whether spans that are not empty follow one another from 0 to a length."""
    starts = [0, *(stop for _, stop in spans)]
    return starts[-1] == length and all(
        start == at and stop > start for (start, stop), at in zip(spans, starts, strict=False)
    )


def _parameters(kernel: PrimFunc) -> str:
    return ", ".join(
        f"{one.name} ({', '.join(map(str, one.shape))}) {one.dtype}" for one in kernel.params
    )


def _said(what: str, span: Span) -> str:
    return f"{what} {span[0]}..{span[1] - 1}"


def _spans(spans: Sequence[Span]) -> str:
    return ", ".join(f"{start}..{stop - 1}" for start, stop in spans)
