"""The instructions of a scheduled kernel are read back with their slices."""

import pytest

from eie_backend.epilogues import BY_NAME, NONE
from eie_backend.lower.kernel_steps import KernelStep, kernel_steps
from eie_backend.machine.epilogue import Applied
from eie_backend.schedules.kernel import DenseShape, dense_kernel
from eie_backend.schedules.tensorize import tensorize
from eie_backend.schedules.tile import tile
from eie_backend.transform.epilogues import with_epilogue

RELU = Applied(BY_NAME["relu"])
CLIP = Applied(BY_NAME["clip"], 6.0)
LEAKY = Applied(BY_NAME["leaky_relu"], 0.25)
ENDINGS = [NONE, RELU, CLIP, LEAKY]


def cut(length, limit):
    return [(start, min(start + limit, length)) for start in range(0, length, limit)]


def scheduled(batch, outputs, inputs, *, bias, ending, limit=4):
    func = dense_kernel("fc", DenseShape(batch, outputs, inputs, bias, ending))
    func = with_epilogue(func.with_attr("eie.layer", "fc"), ending)
    tiles = [(rows, cut(inputs, limit)) for rows in cut(outputs, limit)]
    return tensorize(tile(func, tiles))


@pytest.mark.parametrize("batch", [1, 3])
def test_one_tile(batch):
    assert kernel_steps(scheduled(batch, 3, 4, bias=True, ending=RELU)) == [
        KernelStep("load_bias", {"acc": ((0, 3),), "b": ((0, 3),)}, (3,)),
        KernelStep("mvm", {"acc": ((0, 3),), "w": ((0, 4), (0, 3)), "x": ((0, 1), (0, 4))}, (3, 4)),
        KernelStep("write_back", {"y": ((0, 1), (0, 3)), "acc": ((0, 3),)}, (3, 1, 0.0)),
    ]


def test_no_bias_and_no_relu():
    first, _, last = kernel_steps(scheduled(1, 3, 4, bias=False, ending=NONE))
    assert first == KernelStep("clear", {"acc": ((0, 3),)}, (3,))
    assert last.args == (3, 0, 0.0)


def test_several_tiles_in_both_directions():
    steps = kernel_steps(scheduled(2, 6, 9, bias=True, ending=NONE))
    names = ["load_bias", "mvm", "mvm", "mvm", "write_back"]
    assert [step.name for step in steps] == names * 2
    assert [step.spans["w"] for step in steps if step.name == "mvm"] == [
        (cols, rows) for rows in ((0, 4), (4, 6)) for cols in ((0, 4), (4, 8), (8, 9))
    ]
    assert [step.spans["x"][1] for step in steps if step.name == "mvm"] == [
        (0, 4),
        (4, 8),
        (8, 9),
    ] * 2
    assert [step.spans["b"] for step in steps if step.name == "load_bias"] == [((0, 4),), ((4, 6),)]
    assert [step.spans["y"][1] for step in steps if step.name == "write_back"] == [(0, 4), (4, 6)]
    assert all(step.spans["acc"][0][0] == 0 for step in steps)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 5), (5, 1), (9, 9)])
def test_blocks_of_one(sizes):
    outputs, inputs = sizes
    steps = kernel_steps(scheduled(1, outputs, inputs, bias=True, ending=RELU))
    assert [step.args for step in steps if step.name == "mvm"] == [
        (rows[1] - rows[0], cols[1] - cols[0])
        for rows in cut(outputs, 4)
        for cols in cut(inputs, 4)
    ]


def test_an_unscheduled_kernel_is_a_fault_of_the_compiler():
    with pytest.raises(AssertionError, match="a scheduled kernel has no BufferStore"):
        kernel_steps(dense_kernel("fc", DenseShape(1, 2, 3, False)))
