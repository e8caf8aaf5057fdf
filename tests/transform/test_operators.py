"""Why operators stay on the host: each is told by its own name, which TVM knows."""

from itertools import chain

import pytest
from tvm.ir import Op

from eie_backend.transform.operators import HOST, KNOWN, LAYERS, OTHERS, PARTS, never_on_machine

LISTED = [*LAYERS, *PARTS, *chain(*HOST.values())]


def test_every_operator_is_listed_once_and_known_to_tvm():
    assert len(set(LISTED)) == len(LISTED)
    assert set(LISTED) <= set(Op.list_op_names())


@pytest.mark.parametrize(
    ("operator", "reason"),
    [
        ("relax.nn.avg_pool2d", "the machine has no instruction for pooling"),
        ("relax.tanh", f"the machine's activation functions are {KNOWN}"),
        (
            "relax.nn.gelu_tanh",
            f"the machine's activation functions are {KNOWN}; retraining with one of them keeps it "
            "there",
        ),
        (
            "relax.nn.relu",
            "it does not follow a layer of the machine as its bias or epilogue, or not alone",
        ),
        ("relax.nn.conv3d", "the compiler does not lower this operator"),
        ("if", OTHERS),
    ],
)
def test_the_reason(operator, reason):
    assert never_on_machine(operator) == reason


@pytest.mark.parametrize("operator", ["relax.atanh", "relax.grad.avg_pool2d_backward"])
def test_a_name_within_a_name_is_another_operator(operator):
    assert never_on_machine(operator) == OTHERS
