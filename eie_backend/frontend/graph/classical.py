"""`spell_out_classical`: linear models and scalers of scikit-learn in ONNX's own operators."""

from __future__ import annotations

from onnx import ModelProto, helper

from eie_backend.frontend.graph.class_results import CLASSICAL
from eie_backend.frontend.graph.classical_operators import REWRITES, Spelling
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.facts import Facts, replace
from eie_backend.frontend.graph.inference import FREE_CONSTANTS
from eie_backend.frontend.onnx_operators import DEFAULT_DOMAINS


def spell_out_classical(proto: ModelProto, _context: Context) -> list[str]:
    """Replace nodes of the domain ``ai.onnx.ml``, in place; nothing is to be told of it.

    Before -> after, for a node named ``it``::

        label, p = LinearClassifier(x), coefficients=[...], post_transform=SOFTMAX
            ->  s = Add(MatMul(x, it.weight), it.bias); p = Softmax(s)
                label = Gather(it.classes, ArgMax(s))

    1. The weights are an initializer, so that the product is a layer.
    2. Data are matrices, a sample in a row, and become float32 first if they are not.
    3. A node is left alone, and refused by the importer, if `REWRITES` has not its operator, or its
       rewrite not its attributes.
    """
    nodes = [node for node in proto.graph.node if node.domain == CLASSICAL]
    if not nodes:
        return []
    versions = [opset.version for opset in proto.opset_import if opset.domain in DEFAULT_DOMAINS]
    facts, made = Facts(proto), {}
    for node in nodes:
        rewrite = REWRITES.get(node.op_type)
        spelling = Spelling(node, facts, max(versions, default=1))
        if rewrite is None or not rewrite(spelling):
            continue
        proto.graph.initializer.extend(spelling.tensors)
        made[node.output[0]] = spelling.nodes
        for name, (kind, rank) in spelling.types.items():
            facts.types[name] = helper.make_tensor_type_proto(kind, [None] * rank)
    replace(proto.graph, made)
    proto.ir_version = max(proto.ir_version, FREE_CONSTANTS)
    return []
