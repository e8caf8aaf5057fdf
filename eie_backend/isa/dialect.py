"""The ``eie`` dialect: programs as MLIR, with an operation per instruction of the table.

Before -> after, for a field ``Field("src_row", 16, ...)`` of ``mvm``::

    Instruction(name="mvm", ...)  ->  eie.mvm "fc1" matrix = 0, src_row = 2, ...

The quoted name is the source layer. Operations that hold data (`MatrixOp`, `BiasOp`) and
structure (`ProgramOp`, `SetupOp`, `RunOp`) are written by hand. Rules: see `verify`.
"""

from __future__ import annotations

from typing import Any

from xdsl.context import Context
from xdsl.dialects.builtin import (
    ArrayAttr,
    Builtin,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    DictionaryAttr,
    IntegerAttr,
    StringAttr,
    UnitAttr,
    i64,
)
from xdsl.ir import Dialect
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.traits import HasParent, NoTerminator

from eie_backend.isa.fields import Instruction
from eie_backend.isa.instructions import INSTRUCTIONS
from eie_backend.isa.verify import verify_instruction, verify_program

CONSTANT = base(DenseIntOrFPElementsAttr) | base(DenseResourceAttr)
"""Constraint of a constant: its elements or, in elided text, their hash."""


@irdl_op_definition
class ProgramOp(IRDLOperation):
    """A program: matrices and biases, numbered in order, then setup and run."""

    name = "eie.program"
    sym_name = prop_def(StringAttr)
    arithmetic = prop_def(StringAttr)
    inputs = prop_def(IntegerAttr.constr(i64))
    outputs = prop_def(IntegerAttr.constr(i64))
    layers = prop_def(ArrayAttr.constr(base(StringAttr)))
    config = prop_def(DictionaryAttr)
    manifest = prop_def(DictionaryAttr)
    body = region_def("single_block")
    traits = traits_def(NoTerminator())
    assembly_format = (
        "$sym_name $arithmetic `inputs` `=` $inputs `,` `outputs` `=` $outputs `layers` $layers "
        "`config` $config `manifest` $manifest $body attr-dict"
    )

    def verify_(self) -> None:
        """Check the rules that need the whole program."""
        verify_program(self)


@irdl_op_definition
class MatrixOp(IRDLOperation):
    """A weight tile as codebook indices (out, in); a bias column, if any, comes last."""

    name = "eie.matrix"
    codes = prop_def(CONSTANT)
    codebook = prop_def(CONSTANT)
    bias_column = opt_prop_def(UnitAttr)
    traits = traits_def(HasParent(ProgramOp))
    assembly_format = (
        "(`bias_column` $bias_column^)? `codes` `=` $codes `,` `codebook` `=` $codebook attr-dict"
    )


@irdl_op_definition
class BiasOp(IRDLOperation):
    """A bias vector in the destination registers' format."""

    name = "eie.bias"
    values = prop_def(CONSTANT)
    traits = traits_def(HasParent(ProgramOp))
    assembly_format = "$values attr-dict"


@irdl_op_definition
class SetupOp(IRDLOperation):
    """Instructions that run once, when the program is loaded, or at the start of every call."""

    name = "eie.setup"
    per_call = opt_prop_def(UnitAttr)
    body = region_def("single_block")
    traits = traits_def(NoTerminator(), HasParent(ProgramOp))
    assembly_format = "(`per_call` $per_call^)? $body attr-dict"


@irdl_op_definition
class RunOp(IRDLOperation):
    """Instructions that run for every sample."""

    name = "eie.run"
    body = region_def("single_block")
    traits = traits_def(NoTerminator(), HasParent(ProgramOp))
    assembly_format = "$body attr-dict"


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _instruction_op(instruction: Instruction) -> type[IRDLOperation]:
    """Derive the operation of one instruction: a property per field, printed by name."""
    namespace: dict[str, Any] = {
        "__doc__": instruction.meaning,
        "name": f"eie.{instruction.name}",
        "layer": prop_def(StringAttr),
        "traits": traits_def(HasParent(SetupOp, RunOp)),
        "verify_": lambda self: verify_instruction(self, instruction),
    }
    operands = []
    for spec in instruction.fields:
        # Properties are wide, so that the verifier can reject values that do not fit the field.
        namespace[spec.name] = prop_def(IntegerAttr.constr(i64))
        operands.append(f"`{spec.name}` `=` ${spec.name}")
    namespace["assembly_format"] = f"$layer {' `,` '.join(operands)} attr-dict"
    return irdl_op_definition(type(f"{_camel(instruction.name)}Op", (IRDLOperation,), namespace))


INSTRUCTION_OPS = {instruction.name: _instruction_op(instruction) for instruction in INSTRUCTIONS}
"""Operation class of every instruction, by instruction name."""

EIE = Dialect("eie", [ProgramOp, MatrixOp, BiasOp, SetupOp, RunOp, *INSTRUCTION_OPS.values()])


def context() -> Context:
    """Return a parsing context with the builtin and the ``eie`` dialect."""
    known = Context()
    known.load_dialect(Builtin)
    known.load_dialect(EIE)
    return known
