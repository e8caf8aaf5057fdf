"""Programs that show what they compute: `observed` every layer's values, `alone` one layer's.

Before -> after, for a program of two layers::

    load_act "fc1" src = 0    observed ->  load_act "fc1" src = 0    alone, fc2 ->
    mvm "fc1"                              mvm "fc1"
    write_back "fc1"                       write_back "fc1"
                                           store_act "fc1" dst = 1                (1)
                                                                     load_act "fc2" src = 0   (2)
    mvm "fc2"                              mvm "fc2"                 mvm "fc2"
    write_back "fc2"                       write_back "fc2"          write_back "fc2"
    store_act "fc2" dst = 0                store_act "fc2" dst = 4   store_act "fc2" dst = 0
                                           store_act "fc2" dst = 0

1. The layers' values stand behind the program's own results, in the order of the layers.
2. The layer's input is the host's, in the format in which the machine reads it there, and where it
   lies in the whole program: nothing takes more room than there.

Existing instructions do it, so the values are the machine's bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from eie_backend.isa.program import Program, Step

IO = ("load_act", "store_act")
"""Instructions between the host and the activation SRAM."""


class Vector(NamedTuple):
    """A vector in the activation SRAM: first row, length, fractional bits of its values."""

    row: int
    size: int
    frac_bits: int


@dataclass(frozen=True)
class Ends:
    """What a layer of a program reads and writes, and what the machine adds to its product."""

    source: Vector
    result: Vector
    has_bias: bool
    has_epilogue: bool


def ends_of(program: Program, number: int) -> Ends:
    """Return the ends of a layer of a program, by its number there."""
    lanes = program.config.num_pe
    own = [(at, step) for at, step in enumerate(program.steps) if step.layer == number]
    scans = [step for _, step in own if step.instruction == "mvm"]
    writes = [step for _, step in own if step.instruction == "write_back"]
    matrices = [program.matrices[step.operands["matrix"]] for step in scans]
    blocks = [(s.operands["src_row"], m.cols) for s, m in zip(scans, matrices, strict=True)]
    row, count = _joined(blocks, lanes)
    source = Vector(row, count, scans[0].operands["frac_bits"])
    row, count = _joined([(s.operands["dst_row"], s.operands["count"]) for s in writes], lanes)
    last = max(at for at, step in own if step.instruction == "write_back")
    loads = any(step.instruction == "load_bias" for _, step in own)
    return Ends(
        source,
        Vector(row, count, _format_read(program.steps[last + 1 :], row, -(-count // lanes))),
        loads or any(matrix.has_bias_column for matrix in matrices),
        any(step.operands["epilogue"] for step in writes),
    )


def observed(program: Program) -> Program:
    """Return the program that also stores every layer's values."""
    ends = [ends_of(program, number) for number in range(len(program.layers))]
    last = {
        step.layer: at for at, step in enumerate(program.steps) if step.instruction == "write_back"
    }
    starts = [program.outputs]
    for end in ends:
        starts.append(starts[-1] + end.result.size)
    steps: list[Step] = []
    for at, step in enumerate(program.steps):
        steps.append(step)
        if last.get(step.layer) == at:
            steps.append(_store(ends[step.layer].result, starts[step.layer], step.layer))  # 1.
    return replace(program, outputs=starts[-1], steps=tuple(steps), manifest={})


def alone(program: Program, number: int) -> Program:
    """Return the program of one layer, whose input and result are the host's."""
    ends = ends_of(program, number)
    source = ends.source
    load = {"src": 0, "dst_row": source.row, "count": source.size, "frac_bits": source.frac_bits}
    own = [step for step in program.steps if step.layer == number and step.instruction not in IO]
    setup = [step for step in program.setup if step.layer == number]
    matrices, biases = (_used(what, [*setup, *own]) for what in ("matrix", "bias"))

    def renumbered(step: Step) -> Step:
        operands = dict(step.operands)
        for what, used in (("matrix", matrices), ("bias", biases)):
            if what in operands:
                operands[what] = used.index(operands[what])
        return Step(step.instruction, operands, 0)

    steps = [Step("load_act", load, 0), *map(renumbered, own), _store(ends.result, 0, 0)]  # 2.
    return replace(
        program,
        symbol=alone_symbol(program, number),
        inputs=source.size,
        outputs=ends.result.size,
        layers=(program.layers[number],),
        matrices=tuple(program.matrices[n] for n in matrices),
        biases=tuple(program.biases[n] for n in biases),
        setup=tuple(map(renumbered, setup)),
        steps=tuple(steps),
        manifest={},
    )


def alone_symbol(program: Program, number: int) -> str:
    """Return what the program of one layer is called."""
    return f"{program.symbol}/{number}"


def _joined(blocks: Sequence[tuple[int, int]], lanes: int) -> tuple[int, int]:
    """Return first row and length of the vector that blocks (row, length) make up."""
    first = min(row for row, _ in blocks)
    return first, max((row - first) * lanes + count for row, count in blocks)


def _format_read(steps: Sequence[Step], row: int, rows: int) -> int:
    """Return the fractional bits with which rows are read first."""
    reads = (step for step in steps if step.instruction in ("mvm", "store_act"))
    return next(
        step.operands["frac_bits"]
        for step in reads
        if row <= step.operands["src_row"] < row + max(rows, 1)
    )


def _store(vector: Vector, dst: int, layer: int) -> Step:
    places = {"src_row": vector.row, "dst": dst, "count": vector.size}
    return Step("store_act", {**places, "frac_bits": vector.frac_bits}, layer)


def _used(what: str, steps: Sequence[Step]) -> list[int]:
    """Return the matrices or biases that instructions name, in order, each once."""
    return [*dict.fromkeys(step.operands[what] for step in steps if what in step.operands)]
