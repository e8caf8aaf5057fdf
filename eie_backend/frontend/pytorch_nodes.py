"""`Converters`: of the operators in a PyTorch program, with errors that name the node."""

from __future__ import annotations

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


class Converters(dict[str, Conversion]):
    """What converts a program's operators, ours or TVM's, by their names.

    Raises
    ------
    ModelError
        Naming the nodes whose operator has none, or that branch, or whose result's shape depends
        on data.
    """

    def __init__(self, program: ExportedProgram) -> None:
        from torch._ops import HigherOrderOperator
        from tvm.relax.frontend.torch.exported_program_translator import ExportedProgramImporter

        nodes = [node for node in program.graph.nodes if node.op == "call_function"]
        known = {*CONVERTERS, *ExportedProgramImporter().create_convert_map()}
        faults = {
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
        said = [f"{', '.join(map(_said, found))}: {why}" for why, found in faults.items() if found]
        if said:
            raise ModelError("; ".join(said))
        super().__init__(dict.fromkeys(map(_operator, nodes), self._converted))
        self._theirs: dict[str, Any] = {}

    def _converted(self, node: Node, importer: Any) -> relax.Expr:
        name = _operator(node)
        inputs = [importer.env.get(one) for one in node.all_input_nodes]
        with blaming(node.name, name, inputs, REMEDY):
            if name in CONVERTERS:
                return CONVERTERS[name](node, importer)
            self._theirs = self._theirs or importer.create_convert_map()
            converted: relax.Expr = self._theirs[name](node)
            return converted


def _operator(node: Node) -> str:
    return getattr(node.target, "__name__", str(node.target))


def _said(node: Node) -> str:
    return f"node {node.name!r} ({_operator(node)})"


def _depends_on_data(node: Node) -> bool:
    from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

    return bool(free_unbacked_symbols(node.meta.get("val")))
