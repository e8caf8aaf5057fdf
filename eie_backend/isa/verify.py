"""The rules of the ``eie`` dialect that the types of its attributes do not state.

1. An operand fits its field.
2. The arithmetic is known; the sizes fit the image; the configuration is possible, and complete but
   for fields that were appended to it later.
3. Layers have different names; an instruction names one of them.
4. A constant has the rank and the elements of its place: i8 codes, f32 or i32 values.
5. The codebook is not larger than the machine's, and the codes name its entries.
6. An instruction names a matrix or bias that the program has.
7. ``eie.run`` holds instructions, ``eie.setup`` only ``load_matrix``.
8. The manifest holds strings.
9. All matrices together have at most `MAX_CELLS` pointers.
10. ``write_back`` names an epilogue that there is, with a parameter that it can have.

The machine itself checks sizes against SRAM and registers, when it loads the image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, IntegerAttr, StringAttr
from xdsl.ir import Operation
from xdsl.utils.exceptions import VerifyException

from eie_backend.config import HardwareConfig
from eie_backend.epilogues import why_not_written
from eie_backend.errors import ConfigError
from eie_backend.isa.fields import Instruction
from eie_backend.isa.instructions import BY_NAME
from eie_backend.machine.choices import ARITHMETIC

MAX_VALUES = 2**32 - 1
"""Most values of one sample that an image can encode."""

MAX_CELLS = 1 << 26
"""Most pointers of a program, twice as many as AlexNet's and VGG-16's dense layers have on the
largest machine."""

NUMBERED = {"matrix": "eie.matrix", "bias": "eie.bias"}
"""Operands that are an index of the program's operations of a kind."""


def verify_instruction(operation: Any, instruction: Instruction) -> None:
    """Check rule 1; all faults are in one `VerifyException`."""
    values = {spec: operation.properties[spec.name].value.data for spec in instruction.fields}
    _require(
        f"{operation.name}: {spec.name} = {value} is outside {spec.low}..{spec.high}"
        for spec, value in values.items()
        if not spec.low <= value <= spec.high  # 1.
    )


def verify_program(program: Any) -> None:
    """Check rules 2 to 10; all faults of the first rule that fails are in one `VerifyException`."""
    # 2.
    arithmetic = program.arithmetic.data
    if arithmetic not in ARITHMETIC.values:
        raise VerifyException(f"arithmetic {arithmetic!r} is none of {ARITHMETIC.values}")
    sizes = {"inputs": program.inputs.value.data, "outputs": program.outputs.value.data}
    _require(
        f"{name} = {size} is outside 0..{MAX_VALUES}"
        for name, size in sizes.items()
        if not 0 <= size <= MAX_VALUES
    )
    config = read_config(program)
    # 3.
    names = [name.data for name in program.layers]
    if repeated := sorted(name for name, times in Counter(names).items() if times > 1):
        raise VerifyException(f"layers {repeated} are named more than once")
    body = list(program.body.block.ops)
    # 4.
    _require(_constant_faults(body, "f32" if arithmetic == "float32" else "i32"))
    # 9.
    _check_cells(body, config)
    # 5.
    _require(_codebook_faults(body, config))
    # 3. 6. 7. 10.
    _require(_instruction_faults(body, names, arithmetic == "float32"))
    _require(
        f"manifest entry {key!r} is {value}, not a string"
        for key, value in program.manifest.data.items()
        if not isinstance(value, StringAttr)  # 8.
    )


def read_config(program: Any) -> HardwareConfig:
    """Return the machine's sizes in a ``eie.program``, or raise `VerifyException`."""
    sizes = {
        name: value.value.data
        for name, value in program.config.data.items()
        if isinstance(value, IntegerAttr)
    }
    # 2.
    try:
        return HardwareConfig.from_sizes(sizes)
    except ConfigError as error:
        raise VerifyException(str(error)) from error


def _require(faults: Iterable[str]) -> None:
    if found := "; ".join(faults):
        raise VerifyException(found)


def _constants(operation: Any) -> dict[str, tuple[Any, int]]:
    """Return the constants of an operation with their ranks, by name of their contents."""
    if operation.name == "eie.matrix":
        return {"codes": (operation.codes, 2), "values": (operation.codebook, 1)}
    return {"values": (operation.values, 1)} if operation.name == "eie.bias" else {}


def _constant_faults(body: list[Operation], values: str) -> Iterator[str]:
    for operation in body:
        for kind, (constant, rank) in _constants(operation).items():
            element = "i8" if kind == "codes" else values
            # 4.
            if str(constant.type.element_type) != element:
                yield f"constant of type {constant.type}; it must be of {element}"
            elif len(constant.type.get_shape()) != rank:
                yield f"constant of type {constant.type}; its rank must be {rank}"


def _check_cells(body: list[Operation], config: HardwareConfig) -> None:
    cells = 0
    for operation in body:
        for kind, (constant, _) in _constants(operation).items():
            shape = constant.type.get_shape()
            if min(shape, default=1) < 0:
                raise VerifyException(f"constant of type {constant.type}; give every size")
            cells += config.num_pe * (shape[1] + 1) if kind == "codes" else 0
    # 9.
    if cells > MAX_CELLS:
        raise VerifyException(
            f"{cells} column pointers in {config.num_pe} PEs; at most {MAX_CELLS} may be there"
        )


def _codebook_faults(body: list[Operation], config: HardwareConfig) -> Iterator[str]:
    matrices: list[Any] = [operation for operation in body if operation.name == "eie.matrix"]
    for number, matrix in enumerate(matrices):
        rows, cols = matrix.codes.type.get_shape()
        (entries,) = matrix.codebook.type.get_shape()
        inputs = cols - (matrix.bias_column is not None)
        if min(rows, inputs) < 1:
            yield f"matrix {number} has shape ({rows}, {inputs}); both must be at least 1"
        # 5.
        if not 1 <= entries <= config.codebook_entries:
            yield (
                f"matrix {number} has a codebook of {entries}; the machine's has 1.."
                f"{config.codebook_entries} entries"
            )
        if isinstance(matrix.codes, DenseIntOrFPElementsAttr):
            highest = np.frombuffer(matrix.codes.data.data, np.uint8).max(initial=0)
            # 5.
            if highest >= entries:
                yield f"matrix {number} has code {highest}; its codebook has 0..{entries - 1}"


def _instruction_faults(body: list[Operation], layers: list[str], is_float: bool) -> Iterator[str]:
    count = {kind: sum(o.name == name for o in body) for kind, name in NUMBERED.items()}
    known = set(layers)
    for part in body:
        inside: list[Any] = list(part.regions[0].block.ops) if part.regions else []
        for operation in inside:
            # 7.
            if operation.name.removeprefix("eie.") not in BY_NAME:
                yield f"{operation.name} is not an instruction"
                continue
            # 7.
            if part.name == "eie.setup" and operation.name != "eie.load_matrix":
                yield f"{operation.name} in eie.setup; only eie.load_matrix may be there"
            # 3.
            if operation.layer.data not in known:
                yield f"layer {operation.layer.data!r} is none of {layers}"
            if operation.name == "eie.write_back":
                words = (operation.properties[name] for name in ("epilogue", "parameter"))
                number, word = (one.value.data for one in words)
                # 10.
                if why := why_not_written(number, word, is_float):
                    yield f"{operation.name}: {why}"
            for kind in NUMBERED.keys() & operation.properties.keys():
                number = operation.properties[kind].value.data
                # 6.
                if number >= count[kind]:
                    yield f"{operation.name}: {kind} = {number}, the program has {count[kind]}"
