"""Conversions between `Program` and the ``eie`` dialect, and between the dialect and its text.

Law: ``from_dialect(to_dialect(p))`` has the same image as p, and parsing a printed module and
printing it again gives the same text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from io import StringIO
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import (
    ArrayAttr,
    BytesAttr,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    DictionaryAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    TensorType,
    UnitAttr,
    f32,
    i8,
    i32,
)
from xdsl.ir import Attribute, Block, Operation, Region
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError, VerifyException

from eie_backend.config import HardwareConfig
from eie_backend.errors import EncodingError, is_out_of_memory
from eie_backend.isa.dialect import (
    INSTRUCTION_OPS,
    BiasOp,
    MatrixOp,
    ProgramOp,
    RunOp,
    SetupOp,
    context,
)
from eie_backend.isa.elide_constants import ElideConstants
from eie_backend.isa.instructions import BY_NAME
from eie_backend.isa.program import Program, Step
from eie_backend.isa.text_check import check_text
from eie_backend.isa.verify import read_config
from eie_backend.machine.encoding import EncodedMatrix, encode

_ELEMENT_TYPES: dict[str, Any] = {"float32": f32, "int32": i32, "uint8": i8}


def _dense(values: NDArray[np.generic]) -> DenseIntOrFPElementsAttr:
    tensor = TensorType(_ELEMENT_TYPES[values.dtype.name], list(values.shape))
    attribute: DenseIntOrFPElementsAttr = DenseIntOrFPElementsAttr(
        tensor, BytesAttr(values.tobytes())
    )
    return attribute


def _array(attribute: Attribute, dtype: str) -> NDArray[Any]:
    assert isinstance(attribute, DenseIntOrFPElementsAttr | DenseResourceAttr)
    if isinstance(attribute, DenseResourceAttr):
        raise EncodingError(
            f"eie text: constant {attribute} is elided; print the program with its constants"
        )
    raw = np.frombuffer(attribute.data.data, dtype)
    shape = attribute.get_shape()
    # A single element can stand for all (a splat).
    return np.full(shape, raw[0]) if raw.size == 1 else raw.reshape(shape)


def _string(text: str) -> StringAttr:
    """Return `text` as ASCII with escapes: the parser reads other quoted strings as bytes."""
    return StringAttr(text.encode("unicode_escape").decode())


def _text(attribute: Attribute) -> str:
    assert isinstance(attribute, StringAttr)
    try:
        return attribute.data.encode().decode("unicode_escape")
    except UnicodeDecodeError as error:
        raise EncodingError(f"eie text: {attribute}: {error.reason}; correct the escape") from error


def _region(operations: Iterable[Operation]) -> Region:
    return Region([Block(list(operations))])


def _step_op(step: Step, layers: tuple[str, ...]) -> Operation:
    properties: dict[str, Attribute] = {"layer": _string(layers[step.layer])}
    for spec in BY_NAME[step.instruction].fields:
        properties[spec.name] = IntegerAttr(step.operands[spec.name], 64)
    return INSTRUCTION_OPS[step.instruction].create(properties=properties)


def _matrix_op(matrix: EncodedMatrix) -> Operation:
    codes = matrix.codes()
    # Trailing zeros that no code uses are not written.
    used = max(np.flatnonzero(matrix.codebook).max(initial=0), codes.max(initial=0))
    properties: dict[str, Attribute] = {
        "codes": _dense(codes),
        "codebook": _dense(matrix.codebook[: used + 1]),
    }
    if matrix.has_bias_column:
        properties["bias_column"] = UnitAttr()
    return MatrixOp.create(properties=properties)


def to_dialect(program: Program) -> ModuleOp:
    """Return the program as a module of the ``eie`` dialect."""
    setup = SetupOp.create(
        properties={"per_call": UnitAttr()} if program.setup_per_call else {},
        regions=[_region(_step_op(s, program.layers) for s in program.setup)],
    )
    config = {name: IntegerAttr(v, 64) for name, v in program.config.to_dict().items()}
    body = [
        *(_matrix_op(matrix) for matrix in program.matrices),
        *(BiasOp.create(properties={"values": _dense(bias)}) for bias in program.biases),
        setup,
        RunOp.create(regions=[_region(_step_op(s, program.layers) for s in program.steps)]),
    ]
    operation = ProgramOp.create(
        properties={
            "sym_name": _string(program.symbol),
            "arithmetic": StringAttr(program.arithmetic),
            "inputs": IntegerAttr(program.inputs, 64),
            "outputs": IntegerAttr(program.outputs, 64),
            "layers": ArrayAttr(map(_string, program.layers)),
            "config": DictionaryAttr(config),
            "manifest": DictionaryAttr(
                {_string(k).data: _string(v) for k, v in program.manifest.items()}
            ),
        },
        regions=[_region(body)],
    )
    return ModuleOp([operation])


def from_dialect(module: ModuleOp) -> Program:
    """Return the one program of a verified module.

    Raises
    ------
    EncodingError
        If the module is not a single program, or its constants are elided.
    """
    programs = [op for op in module.ops if isinstance(op, ProgramOp)]
    if len(programs) != 1:
        raise EncodingError(f"eie text: {len(programs)} eie.program operations; give exactly one")
    operation = programs[0]
    config = read_config(operation)
    arithmetic: Any = operation.arithmetic.data
    dtype = "float32" if arithmetic == "float32" else "int32"
    layers = {_text(name): number for number, name in enumerate(operation.layers.data)}
    body = list(operation.body.block.ops)
    return Program(
        symbol=_text(operation.sym_name),
        config=config,
        arithmetic=arithmetic,
        inputs=operation.inputs.value.data,
        outputs=operation.outputs.value.data,
        matrices=tuple(_matrix(op, config, dtype) for op in body if isinstance(op, MatrixOp)),
        biases=tuple(_array(op.values, dtype) for op in body if isinstance(op, BiasOp)),
        setup=_steps((op for op in body if isinstance(op, SetupOp)), layers),
        steps=_steps((op for op in body if isinstance(op, RunOp)), layers),
        setup_per_call=any(isinstance(op, SetupOp) and op.per_call is not None for op in body),
        layers=tuple(layers),
        manifest={_text(StringAttr(k)): _text(v) for k, v in operation.manifest.data.items()},
    )


def _matrix(operation: MatrixOp, config: HardwareConfig, dtype: str) -> EncodedMatrix:
    codes = _array(operation.codes, "uint8")
    codebook = _array(operation.codebook, dtype)
    words = np.zeros(config.codebook_entries, dtype)
    bias = codes[:, -1] if operation.bias_column is not None else None
    inputs = codes if bias is None else codes[:, :-1]
    # Only the codes determine the layout; the words of the codebook are taken unchanged.
    encoded = encode(inputs, np.zeros(codebook.size), config, bias)
    return replace(encoded, codebook=np.resize(np.append(codebook, words), words.size))


def _steps(regions: Iterable[SetupOp | RunOp], layers: dict[str, int]) -> tuple[Step, ...]:
    steps = []
    for operation in (op for region in regions for op in region.body.block.ops):
        properties = dict(operation.properties)
        layer = layers[_text(properties.pop("layer"))]
        operands = {
            key: value.value.data
            for key, value in properties.items()
            if isinstance(value, IntegerAttr)
        }
        steps.append(Step(operation.name.removeprefix("eie."), operands, layer))
    return tuple(steps)


def print_program(module: ModuleOp, *, elide: bool = False) -> str:
    """Return the module's text.

    Parameters
    ----------
    module : ModuleOp
        A module of the ``eie`` dialect.
    elide : bool
        Replace large constants by their hash (see `ElideConstants`); such text cannot be assembled.
    """
    shown = module.clone() if elide else module
    if elide:
        ElideConstants().apply(context(), shown)
    text = StringIO()
    ExactPrinter(text).print_op(shown)
    return text.getvalue() + "\n"


class ExactPrinter(Printer):
    """Printer of float32 values that parse back to the same bits."""

    def print_float(self, value: float, type: Any) -> None:
        """Print nine digits where xDSL's hexadecimal form would be read as an integer."""
        if isfinite(value) and np.float32(f"{value:.5e}") != value:
            self.print_string(f"{value:.8e}")
        else:
            super().print_float(value, type)


def parse_program(text: str) -> ModuleOp:
    """Parse and verify a module of the ``eie`` dialect.

    Raises
    ------
    EncodingError
        If the text is not a valid module; the message is one line.
    """
    try:
        module = Parser(context(), check_text(text)).parse_module()
        module.verify()
    except ParseError as error:
        place, *_, message = str(error).strip().splitlines()
        _, line, column = place.rsplit(":", 2)
        raise EncodingError(
            f"eie text: line {line}, column {column}: {message.strip()}; correct the text"
        ) from error
    except VerifyException as error:
        raise EncodingError(f"eie text: {error}; correct the text") from error
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # xDSL's parser raises exceptions of many types on malformed text.
        raise EncodingError(
            f"eie text: xDSL cannot parse it: {type(error).__name__} {error}; correct the text"
        ) from error
    return module
