"""Convert StableHLO modules to Relax.

TVM 0.27 has an importer too. It does not run with jaxlib 0.10, ignores the dimension numbers of
``dot_general`` and ``broadcast_in_dim`` and the padding of ``reduce_window``, takes every
convolution for NHWC, and imports the first result of the first function only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jax.interpreters import mlir as jax_mlir
from jaxlib.mlir import ir
from tvm import IRModule, relax

from eie_backend.errors import ModelError
from eie_backend.frontend.blame import blaming, labelled
from eie_backend.frontend.onnx_node import constant
from eie_backend.frontend.stablehlo_operators import CONVERTERS
from eie_backend.frontend.stablehlo_operators._known import evaluated
from eie_backend.frontend.stablehlo_operators._operation import (
    CONSTANT,
    RETURN,
    Operation,
    dtype_of_type,
    known,
    shape_of,
)

REMEDY = "export it with other operations"
RETURNS = ("func.return", RETURN)
CALL, LOOP = "func.call", "stablehlo.while"

LARGEST = 10_000
"""Operations that the loops of a model may become, all together."""


def parse(text: str) -> ir.Module:
    """Return the MLIR module of a text."""
    return ir.Module.parse(text, jax_mlir.make_ir_context())


class Importer:
    """Converts the functions of one module; every value becomes a variable or a constant."""

    def __init__(self, module: ir.Module) -> None:
        self._functions = {op.name.value: op.regions[0].blocks[0] for op in module.body.operations}
        self._values: dict[ir.Value, relax.Expr] = {}
        self._constants: dict[ir.Value, relax.Expr] = {}
        self._builder = relax.BlockBuilder()
        self._loops, self._unrolled = 0, 0
        self.scopes: dict[str, str] = {}
        """What the source calls the products, by their variables."""

    def main(self) -> IRModule:
        """Return the module's `main`, and what it calls, as one Relax function.

        Raises
        ------
        ModelError
            Naming every operation that is not known.
        """
        if "main" not in self._functions:
            raise ModelError("it has no function @main; export one")
        main = self._functions["main"]
        if unknown := sorted(set(self._unknown(main))):
            raise ModelError(
                f"operations {', '.join(unknown)} are not supported; the supported ones are "
                f"{', '.join(sorted({*CONVERTERS, CALL, LOOP}))}"
            )
        dynamic = [n for n, a in enumerate(main.arguments) if not a.type.has_static_shape]
        if dynamic:
            raise ModelError(
                f"arguments {', '.join(map(str, dynamic))} of @main have dynamic shapes; "
                "export the model with static ones"
            )
        inputs = [
            relax.Var(f"arg{n}", relax.TensorType(shape_of(a.type), dtype_of_type(a.type)))
            for n, a in enumerate(main.arguments)
        ]
        with self._builder.function("main", inputs):
            with self._builder.dataflow():
                results = self._block(main, inputs)
                value = results[0] if len(results) == 1 else relax.Tuple(results)
                output = self._builder.emit_output(value)
            self._builder.emit_func_output(output)
        return self._builder.get()

    def _unknown(self, block: ir.Block) -> Iterator[str]:
        for op in block.operations:
            name = op.operation.name
            if name == CALL:
                yield from self._unknown(self._functions[op.attributes["callee"].value])
            elif name == LOOP:
                for region in op.regions:
                    yield from self._unknown(region.blocks[0])
            elif name not in {*CONVERTERS, *RETURNS}:
                yield name

    def _block(self, block: ir.Block, arguments: Sequence[relax.Expr]) -> list[relax.Expr]:
        self._values.update(zip(block.arguments, arguments, strict=True))
        for op in block.operations:
            name = op.operation.name
            if name in RETURNS:
                return self._operands(op)
            if name == CALL:
                callee = self._functions[op.attributes["callee"].value]
                results = self._block(callee, self._operands(op))
            elif name == LOOP:
                results = self._loop(op)
            else:
                with self._blaming(op, name):
                    results = self._converted(op, name)
            self._values.update(zip(op.results, results, strict=True))
        return []

    @contextmanager
    def _blaming(self, op: Any, name: str) -> Iterator[None]:
        """Say of what goes wrong inside which operation it is, and where that stands."""
        place = _place(str(op.location))
        with (
            blaming(place, name, self._operands(op), REMEDY, "our"),
            labelled(f"node {place!r} ({name})"),
        ):
            yield

    def _loop(self, op: Any) -> list[relax.Expr]:
        """Return the results of a loop whose condition constants decide, trip after trip."""
        condition, body = (region.blocks[0] for region in op.regions)
        values = self._operands(op)
        self._loops += 1
        while True:
            (holds,) = self._block(condition, values)
            decided = known(holds)
            if decided is None:
                with self._blaming(op, LOOP):
                    raise ModelError(
                        "how often it runs depends on data; give it a constant number of steps"
                    )
            if not decided:
                break
            with self._blaming(op, LOOP):
                self._count()
            values = self._block(body, values)
        self._loops -= 1
        return values

    def _count(self) -> None:
        self._unrolled += 1
        if self._unrolled > LARGEST:
            raise ModelError(f"loops become more than {LARGEST} operations; run fewer steps")

    def _converted(self, op: Any, name: str) -> list[relax.Expr]:
        if name == CONSTANT and op.result in self._constants:
            return [self._constants[op.result]]  # one layer, in every trip of a loop
        inputs = self._operands(op)
        values = evaluated(op, [known(one) for one in inputs])
        if values is not None:
            return [constant(values, dtype_of_type(op.result.type))]
        if self._loops:
            self._count()
        found = CONVERTERS[name](Operation(op, inputs, self._builder, self.scopes))
        if name == CONSTANT:
            self._constants[op.result] = found
        return [*found] if isinstance(found, tuple) else [found]

    def _operands(self, node: Any) -> list[relax.Expr]:
        return [self._values[operand] for operand in node.operands]


def _place(location: str) -> str:
    """Return where an operation stands: in the source's scopes, or in the text.

    Examples
    --------
    >>> _place('loc("jit(f)/encoder/reduce"("model.py":3:0))')
    'jit(f)/encoder/reduce'
    >>> _place('loc("-":3:10)')
    'line 3'
    """
    found = re.match(r'loc\("([^"]*)"(?::(\d+))?', location)
    if found is None:
        return "without a location"
    return f"line {found[2]}" if found[2] else found[1]
