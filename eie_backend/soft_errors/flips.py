"""`BitFlip`: one bit that is named, and files that list some.

A YAML or JSON file with a list::

    - {unit: spmat, matrix: 0, pe: 3, entry: 17, bit: 4}
    - {unit: ptr, matrix: 0, pe: 3, pointer: 100, bit: 0}
    - {unit: codebook, matrix: 1, code: 2, bit: 15}
    - {unit: act_queue, step: 2, pe: 5, broadcast: 0, bit: 16}
    - {unit: act, step: 2, value: 30, bit: 15, input: 7}

`bit` counts from the lowest: of an entry, whose zero run is above its code; of a slot, whose column
is above its value. `step` is the number of an instruction after the setup, from 0, in the order in
which ``eie disasm`` lists them. Without `input` a transient flip strikes every run of its program:
all inputs, and all positions of a convolution. `program` counts a library's programs and is 0 if it
is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from eie_backend.config import ENTRY_BITS, HardwareConfig
from eie_backend.errors import InputError
from eie_backend.files.plain_yaml import read_yaml
from eie_backend.isa.program import Program
from eie_backend.machine.choices import TRANSIENT_UNITS, Unit
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.soft_errors.units import PLACES, data_bits, spmat_words

MOST_RUNS = 1 << 31
"""Runs of a program that a flip can be told to strike."""

READS_ACT = ("mvm", "store_act")
"""Instructions that read activations."""


@dataclass(frozen=True)
class BitFlip:
    """A bit of a unit.

    Attributes
    ----------
    unit : {"spmat", "ptr", "codebook", "act_queue", "act"}
    place : tuple of int
        What `PLACES` names for the unit.
    bit : int
        Of the entry, pointer, value or slot, without check bits.
    program : int
        Number of the program in its library.
    input : int
        Number of the run of a program in which a transient flip happens; -1: in each.
    """

    unit: Unit
    place: tuple[int, ...]
    bit: int
    program: int = 0
    input: int = -1

    def memory_bit(self, matrix: EncodedMatrix, config: HardwareConfig) -> tuple[int, int]:
        """Return the number of the word in its memory, and the bit in it."""
        if self.unit == "codebook":
            return self.place[1] - 1, self.bit
        _, pe, at = self.place
        if self.unit == "ptr":
            return pe * matrix.pointers.shape[1] + at, self.bit
        word, entry = divmod(at, config.entries_per_word)
        return int(spmat_words(matrix, config)[:pe].sum()) + word, entry * ENTRY_BITS + self.bit

    def transient_bit(self, num_pe: int) -> list[int]:
        """Return unit, run, step, word and bit as the runtime takes them."""
        step, *at = self.place
        word = at[1] * num_pe + at[0] if self.unit == "act_queue" else at[0]
        return [TRANSIENT_UNITS.index(self.unit), self.input, step, word, self.bit]


def read_flips(path: str | PathLike[str], programs: Sequence[Program]) -> list[BitFlip]:
    """Read a list of flips in these programs.

    Raises
    ------
    InputError
        If the file cannot be read, or names bits that are not there; lists all faults at once.
    """
    try:
        items = read_yaml(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path}: cannot be read: {reason}; give a YAML file of flips") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}: not YAML{where}; write a list of flips") from error
    if not isinstance(items, list) or not items:
        raise InputError(f"{path}: is no list of flips; begin each with `- {{unit: ...`")
    faults, flips = [], []
    for number, item in enumerate(items, start=1):
        found = _faults(item, programs)
        faults += [f"flip {number}: {fault}" for fault in found]
        if not found:
            place = tuple(item[name] for name in PLACES[item["unit"]])
            rest = {name: item[name] for name in ("program", "input") if name in item}
            flips.append(BitFlip(item["unit"], place, item["bit"], **rest))
    if faults:
        raise InputError(f"{path}: {'; '.join(faults)}; correct these flips")
    return flips


def _faults(item: Any, programs: Sequence[Program]) -> list[str]:
    if not isinstance(item, Mapping) or item.get("unit") not in list(PLACES):
        return [f"has no unit of {', '.join(PLACES)}"]
    unit: Unit = item["unit"]
    required = {"unit", "bit", *PLACES[unit]}
    allowed = required | {"program"} | ({"input"} if unit in TRANSIENT_UNITS else set())
    faults = [f"{name} is missing" for name in sorted(required - item.keys())]
    faults += [f"{name} is unknown" for name in sorted(map(str, item.keys() - allowed))]
    numbers = {name: item[name] for name in item.keys() & allowed - {"unit"}}
    faults += [
        f"{name} = {value!r} is no integer from 0"
        for name, value in sorted(numbers.items())
        if not isinstance(value, int) or isinstance(value, bool) or value < 0
    ]
    if faults:
        return faults
    if (number := numbers.get("program", 0)) >= len(programs):
        return [f"program = {number}, the library has {len(programs)}"]
    limits = _limits(unit, numbers, programs[number])
    return [
        f"{name} = {numbers[name]}, allowed is 0..{limit - 1}" if limit else none
        for name, limit, none in limits
        if numbers.get(name, 0) >= limit
    ]


def _limits(unit: Unit, at: Mapping[str, int], program: Program) -> list[tuple[str, int, str]]:
    """Return names, how many there are, and why if there are none; the outermost fault alone."""
    bits = ENTRY_BITS if unit == "spmat" else data_bits(unit, program.config, program.arithmetic)
    limits = [("bit", bits, ""), ("input", MOST_RUNS, "")]
    if unit in TRANSIENT_UNITS:
        if at["step"] >= len(program.steps):
            return [("step", len(program.steps), "the program has no steps")]
        step = program.steps[at["step"]]
        if step.instruction not in (READS_ACT if unit == "act" else READS_ACT[:1]):
            return [("step", 0, f"step {at['step']} is {step.instruction}, which uses no {unit}")]
        if step.instruction != "mvm":
            return [*limits, ("value", step.operands["count"], "")]
        matrix = program.matrices[step.operands["matrix"]]
        if unit == "act":
            return [*limits, ("value", matrix.cols, "")]
        slots = [("pe", program.config.num_pe, ""), ("broadcast", matrix.stored_cols, "")]
        return [*limits, *slots]
    if at["matrix"] >= len(program.matrices):
        return [("matrix", len(program.matrices), "the program has no matrices")]
    matrix = program.matrices[at["matrix"]]
    if unit == "codebook":
        if at["code"] == 0:
            return [("code", 0, "code 0 is the pruned weight, which is not stored")]
        return [*limits, ("code", matrix.codebook.size, "")]
    if at["pe"] >= program.config.num_pe:
        return [("pe", program.config.num_pe, "")]
    if unit == "ptr":
        return [*limits, ("pointer", matrix.pointers.shape[1], "")]
    entries = int(matrix.entries_per_pe[at["pe"]])
    return [*limits, ("entry", entries, f"PE {at['pe']} has no entries")]
