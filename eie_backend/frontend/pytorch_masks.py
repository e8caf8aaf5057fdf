"""`with_places`: constant masks that read a tensor become the places that they choose."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from eie_backend.errors import is_out_of_memory

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import GraphModule

COPIES = ("alias.default", "clone.default", "detach_.default", "lift_fresh_copy.default")


def with_places(program: ExportedProgram) -> ExportedProgram:
    """Return a program whose constant masks are indices, so that shapes do not depend on data.

    Before -> after, for a mask of True, False, True::

        index(x, [None, mask])  ->  index(x, [None, [0, 2]])

    1. The mask is a buffer that no call changes, or a constant.
    2. The program has fixed shapes: it is exported anew, with its example.
    """
    from torch.export import export
    from torch.fx import Node

    # 2.
    inputs = [node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"]
    fixed = all(isinstance(size, int) for one in inputs for size in getattr(one, "shape", ()))
    if not fixed or program.example_inputs is None:
        return program
    changed = {*program.graph_signature.buffers_to_mutate.values()}
    if not any(map(_reads, program.graph.nodes)):
        return program
    module: Any = program.module(check_guards=False)
    found = False
    for node in filter(_reads, [*module.graph.nodes]):
        indices: list[Any] = []
        for one in node.args[1]:
            name, mask = _constant(module, one) if isinstance(one, Node) else ("", None)
            # 1.
            if mask is None or name in changed or str(mask.dtype) != "torch.bool":
                indices.append(one)
                continue
            found = True
            with module.graph.inserting_before(node):
                for axis, places in enumerate(mask.nonzero(as_tuple=True)):
                    own = f"{node.name}_places_{len(indices)}_{axis}"
                    module.register_buffer(own, places)
                    indices.append(module.graph.get_attr(own))
        node.args = (node.args[0], indices)
    if not found:
        return program
    module.recompile()
    try:
        return export(module, *program.example_inputs)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return program  # which is refused by the name of what reads with the mask


def _reads(node: Any) -> bool:
    return node.op == "call_function" and str(node.target) == "aten.index.Tensor"


def _constant(module: GraphModule, node: Any) -> tuple[str, Tensor | None]:
    """Return the name and the values of a module's constant, no values of what is computed."""
    while node.op == "call_function" and str(node.target).removeprefix("aten.") in COPIES:
        node = node.args[0]
    if node.op != "get_attr":
        return "", None
    return str(node.target), attrgetter(str(node.target))(module)
