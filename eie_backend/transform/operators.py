"""What becomes of each Relax operator: a layer, a part of a layer, or work of the host.

`explain` quotes these sentences and ``docs/supported_ops.md`` lists them.
"""

from __future__ import annotations

from eie_backend.epilogues import EPILOGUES, OPERATORS, epilogues_of


def _when(operator: str) -> str:
    """Return when an activation function joins a layer."""
    epilogues = epilogues_of(operator)
    conditions = " or ".join(one.when for one in epilogues if one.when)
    formulas = " or ".join(one.formula for one in epilogues)
    return (
        "joins a layer that it follows directly, or after the bias, if nothing else reads what it "
        f"takes{f', with {conditions}' if conditions else ''}; `write_back` computes {formulas}"
    )


LAYERS = {
    "relax.matmul": "`mvm` for every tile and sample, between `load_bias` or `clear` and "
    "`write_back`",
    "relax.nn.conv1d": "a matmul with the patch of each output position, which the host gathers; "
    "groups become blocks of one matrix",
    "relax.nn.conv2d": "likewise; 3x3 with stride 1 also by Winograd's F(2x2, 3x3): 16 matmuls for "
    "each patch of 2x2 outputs",
    "relax.nn.conv3d": "as conv1d",
    **{
        f"relax.nn.conv{n}d_transpose": f"conv{n}d of the input with zeros between its values, "
        "which cost no cycles"
        for n in (1, 2, 3)
    },
}
"""Operators with weights, and how one that meets all constraints is lowered."""

OF_RESULTS = "it multiplies two results of the network, and the machine's weights are constants"
"""Why a matmul without weights, as attention has, is no layer."""

PARTS = {
    "relax.add": "joins a layer as its bias if it adds one constant per output to the layer's "
    "result, and nothing else reads that result",
    **{operator: _when(operator) for operator in OPERATORS},
    "relax.nn.batch_norm": "its constants become part of the weights and the bias of the layer "
    "before it, unless these weights are shared already",
}
"""Operators that become part of the layer before them, and when."""

KNOWN = ", ".join(epilogue.formula for epilogue in EPILOGUES if epilogue.operators)

HOST = {
    "the machine has no instruction for pooling": (
        "relax.nn.max_pool1d",
        "relax.nn.max_pool2d",
        "relax.nn.max_pool3d",
        "relax.nn.avg_pool1d",
        "relax.nn.avg_pool2d",
        "relax.nn.avg_pool3d",
        "relax.nn.adaptive_avg_pool1d",
        "relax.nn.adaptive_avg_pool2d",
        "relax.nn.adaptive_avg_pool3d",
        "relax.vision.roi_pool",
    ),
    "the machine has no exponential": (
        "relax.nn.softmax",
        "relax.nn.log_softmax",
    ),
    "the machine has no instruction for normalisation": (
        "relax.nn.layer_norm",
        "relax.nn.group_norm",
        "relax.nn.instance_norm",
        "relax.nn.rms_norm",
    ),
    f"the machine's activation functions are {KNOWN}": (
        "relax.sigmoid",
        "relax.tanh",
    ),
    f"the machine's activation functions are {KNOWN}; retraining with one of them keeps it there": (
        "relax.nn.gelu",
        "relax.nn.gelu_tanh",
        "relax.nn.silu",
        "relax.nn.selu",
    ),
    "moves data only": (
        "relax.reshape",
        "relax.flatten",
        "relax.nn.batch_flatten",
        "relax.permute_dims",
        "relax.expand_dims",
        "relax.squeeze",
        "relax.concat",
        "relax.split",
        "relax.strided_slice",
        "relax.dynamic_strided_slice",
        "relax.take",
        "relax.nn.pad",
    ),
}
"""Operators that never run on the machine, by why not."""

OTHERS = "the machine runs layers with constant weights, their bias and epilogue; nothing else"


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
        return "it does not follow a layer of the machine as its bias or epilogue, or not alone"
    return next((why for why, operators in HOST.items() if operator in operators), OTHERS)
