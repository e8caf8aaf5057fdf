"""`Converters`: of the operators in a PyTorch program, with errors that name the node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.blame import blaming
from eie_backend.frontend.pytorch_converters import CONVERTERS
from eie_backend.frontend.pytorch_converters._node import Conversion

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

REMEDY = "use other operators"
IN_FLOAT32 = "call model.float(), and give inputs in float32"
OTHER_FLOATS = ("float16", "bfloat16", "float64")
"""Types that TVM's converters mix up with float32."""


class Converters(dict[str, Conversion]):
    """What converts a program's operators, ours or TVM's, by their names.

    Raises
    ------
    ModelError
        Naming the inputs that are no tensors, or the nodes whose operator has none, or that branch,
        or whose result's shape depends on data.
    """

    def __init__(self, program: ExportedProgram) -> None:
        from torch._ops import HigherOrderOperator
        from tvm.relax.frontend.torch.exported_program_translator import ExportedProgramImporter

        faults = [f"input {name!r} is {value!r}" for name, value in _no_tensors(program)]
        if faults:
            raise ModelError(
                f"{', '.join(faults)}, examples are tensors; make what else forward() takes a "
                "constant of the module"
            )
        nodes = [node for node in program.graph.nodes if node.op == "call_function"]
        known = {*CONVERTERS, *ExportedProgramImporter().create_convert_map()}
        reasons = {
            "branches and loops that data decide do not run; choose before the export": [
                node for node in nodes if isinstance(node.target, HigherOrderOperator)
            ],
            f"TVM's PyTorch importer does not have it; {REMEDY}": [
                node for node in nodes if _operator(node) not in known
            ],
            "the shape of its result depends on data; compute it before the model, or after it": [
                *filter(_depends_on_data, nodes)
            ][:1],  # others follow from it
        }
        said = [f"{', '.join(map(_said, found))}: {why}" for why, found in reasons.items() if found]
        if said:
            raise ModelError("; ".join(said))
        super().__init__(dict.fromkeys(map(_operator, nodes), self._converted))
        self._theirs: dict[str, Any] = {}

    def _converted(self, node: Node, importer: Any) -> relax.Expr:
        name = _operator(node)
        inputs = [importer.env.get(one) for one in node.all_input_nodes]
        remedy = IN_FLOAT32 if any(map(_is_other_float, inputs)) else REMEDY
        with blaming(node.name, name, inputs, remedy):
            if name in CONVERTERS:
                return CONVERTERS[name](node, importer)
            self._theirs = self._theirs or importer.create_convert_map()
            converted: relax.Expr = self._theirs[name](node)
            return converted


def _no_tensors(program: ExportedProgram) -> Iterator[tuple[str, object]]:
    """Yield the names and values of inputs that are no tensors."""
    from torch.export.graph_signature import ConstantArgument

    for spec in program.graph_signature.input_specs:
        if isinstance(spec.arg, ConstantArgument):
            yield spec.arg.name, spec.arg.value


def _is_other_float(value: Any) -> bool:
    return str(getattr(getattr(value, "ty", None), "dtype", "")) in OTHER_FLOATS


def _operator(node: Node) -> str:
    return getattr(node.target, "__name__", str(node.target))


def _said(node: Node) -> str:
    return f"node {node.name!r} ({_operator(node)})"


def _depends_on_data(node: Node) -> bool:
    from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

    return bool(free_unbacked_symbols(node.meta.get("val")))
