"""What becomes of each Relax operator: a layer, a part of a layer, or work of the host.

`explain` quotes these sentences and ``docs/supported_ops.md`` lists them.
"""

from __future__ import annotations

LAYERS = {
    "relax.matmul": "`mvm` for every tile and sample, between `load_bias` or `clear` and "
    "`write_back`",
    "relax.nn.conv1d": "a matmul with the patch of each output position, which the host gathers; "
    "groups become blocks of one matrix",
    "relax.nn.conv2d": "likewise; 3x3 with stride 1 also by Winograd's F(2x2, 3x3): 16 matmuls for "
    "each patch of 2x2 outputs",
    "relax.nn.conv3d": "as conv1d",
}
"""Operators with weights, and how one that meets all constraints is lowered."""

PARTS = {
    "relax.add": "joins a layer as its bias if it adds one constant per output to the layer's "
    "result, and nothing else reads that result",
    "relax.nn.relu": "joins a layer that it follows directly, or after the bias, if nothing else "
    "reads what it takes; `write_back` does it",
    "relax.nn.batch_norm": "its constants become part of the weights and the bias of the layer "
    "before it, unless these weights are shared already",
}
"""Operators that become part of the layer before them, and when."""

HOST = {
    "pool": "the machine has no instruction for pooling",
    "softmax": "the machine has no exponential",
    "norm": "the machine has no instruction for normalisation",
    "sigmoid": "the machine's only activation function is ReLU",
    "tanh": "the machine's only activation function is ReLU",
    "gelu": "the machine's only activation function is ReLU; retraining with ReLU keeps it there",
    "silu": "the machine's only activation function is ReLU; retraining with ReLU keeps it there",
    "leakyrelu": "the machine's only activation function is ReLU; retraining with ReLU keeps it "
    "there",
    "reshape": "moves data only",
    "flatten": "moves data only",
    "permute_dims": "moves data only",
    "expand_dims": "moves data only",
    "squeeze": "moves data only",
    "concat": "moves data only",
    "split": "moves data only",
    "strided_slice": "moves data only",
    "take": "moves data only",
    "pad": "moves data only",
}
"""Parts of the names of operators that never run on the machine, and why."""

OTHERS = "the machine runs layers with constant weights, their bias and ReLU; nothing else"


def never_on_machine(operator: str) -> str:
    """Return why an operator that is no layer stays on the host, in one phrase.

    Examples
    --------
    >>> never_on_machine("relax.nn.softmax")
    'the machine has no exponential'
    """
    if operator in LAYERS:
        return "the compiler does not lower this operator"
    if operator in PARTS:
        return "it does not follow a layer of the machine as its bias or ReLU, or not alone"
    return next((why for part, why in HOST.items() if part in operator), OTHERS)
