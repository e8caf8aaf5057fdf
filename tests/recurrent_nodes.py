"""Drawn LSTM, GRU and RNN nodes, with everything that ONNX gives them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STATES = {"LSTM": ("Y_h", "Y_c"), "GRU": ("Y_h",), "RNN": ("Y_h",)}
INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
DIRECTIONS = {1: "forward", 2: "bidirectional"}


def recurrent(
    operator,
    steps=5,
    batch=2,
    inputs=3,
    hidden=4,
    directions=1,
    given=("B",),
    lengths=(),
    fed=(),
    seed=0,
    head=0,
    **attributes,
):
    """Return a model of one node, and its inputs.

    `given` names the optional operands that are initializers, `fed` those that are inputs;
    `lengths` are those of the batch's sequences. With a `head`, the last state goes through a dense
    layer of so many outputs, which is the only result.
    """
    rng = np.random.default_rng(seed)

    def drawn(*shape):
        return rng.normal(size=shape).astype(np.float32) / 2

    states = (batch, directions, hidden) if attributes.get("layout") else None
    states = states or (directions, batch, hidden)
    values = {
        "W": drawn(directions, GATES[operator] * hidden, inputs),
        "R": drawn(directions, GATES[operator] * hidden, hidden),
        "B": drawn(directions, 2 * GATES[operator] * hidden),
        "sequence_lens": np.array(lengths, np.int32),
        "initial_h": drawn(*states),
        "initial_c": drawn(*states),
        "P": drawn(directions, 3 * hidden),
    }
    weights = drawn(hidden, head)
    values["X"] = drawn(*((batch, steps) if attributes.get("layout") else (steps, batch)), inputs)
    fed = ("X", *fed)
    held = ("W", "R", *given)
    names = [name if name in fed or name in held else "" for name in INPUTS]
    while not names[-1]:
        names.pop()
    results = ["Y", *STATES[operator]]
    direction = attributes.pop("direction", DIRECTIONS[directions])
    nodes = [
        helper.make_node(
            operator, names, results, "rec", hidden_size=hidden, direction=direction, **attributes
        )
    ]
    constants = {name: values[name] for name in held}
    if head:
        nodes += [
            helper.make_node("Squeeze", ["Y_h", "axis"], ["last"], "squeeze"),
            helper.make_node("Gemm", ["last", "weights"], ["scores"], "fc"),
        ]
        constants |= {"axis": np.array([0]), "weights": weights}
        results = ["scores"]
    kinds = {"sequence_lens": TensorProto.INT32}
    graph = helper.make_graph(
        nodes,
        "graph",
        [
            helper.make_tensor_value_info(
                name, kinds.get(name, TensorProto.FLOAT), values[name].shape
            )
            for name in fed
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, {name: values[name] for name in fed}
