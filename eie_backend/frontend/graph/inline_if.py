"""`branch_of`: the nodes of the branch that an ``If`` takes, with names of their own."""

from __future__ import annotations

from onnx import NodeProto

from eie_backend.frontend.graph.inline import Inlined, Inliner, identity


def branch_of(node: NodeProto, holds: bool, inliner: Inliner) -> Inlined:
    """Return what an ``If`` does whose condition is known.

    Before -> after, for a condition ``c`` that holds::

        y = If(c, then: {a = MatMul(x, w); b = Relu(a) -> b}, else: ...)  ->  a = MatMul(x, w)
                                                                           y = Relu(a)

    1. Its results have the names of the ``If``'s; a result that no node in it makes, or that is
       returned twice, is copied by ``Identity``.
    2. Other names stay unless the graph has them, then the ``If``'s name is before them.
    """
    wanted = "then_branch" if holds else "else_branch"
    branch = next(attribute.g for attribute in node.attribute if attribute.name == wanted)
    made = {name for one in branch.node for name in one.output if name}
    given: dict[str, str] = {}
    twice = []
    for inner, outer in zip(branch.output, node.output, strict=False):
        if outer and inner.name in made and inner.name not in given:
            given[inner.name] = outer
        elif outer:
            twice.append((inner.name, outer))
    found, new = inliner.copied(branch, given, node.name or node.output[0])
    found.nodes += [identity(new.get(inner, inner), outer) for inner, outer in twice]
    return found
