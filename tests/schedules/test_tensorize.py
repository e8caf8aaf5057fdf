"""Blocks become instructions, and only blocks that compute what the instruction does."""

import re

import pytest
import tvm
from tvm.s_tir import Schedule, ScheduleError
from tvm.script import tirx as T

from eie_backend.epilogues import BY_NAME, NONE
from eie_backend.machine.epilogue import Applied
from eie_backend.schedules import intrinsics
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


def tiles(outputs, inputs, limit):
    return [(rows, cut(inputs, limit)) for rows in cut(outputs, limit)]


def tensorized(batch, outputs, inputs, *, bias, ending, limit=4):
    func = dense_kernel("fc_kernel", DenseShape(batch, outputs, inputs, bias, ending))
    func = with_epilogue(func.with_attr("eie.layer", "fc"), ending)
    return tensorize(tile(func, tiles(outputs, inputs, limit)))


@pytest.mark.parametrize(
    ("name", "epilogue"),
    [
        ("bias_relu.tir", {"bias": True, "ending": RELU}),
        ("plain.tir", {"bias": False, "ending": NONE}),
    ],
)
def test_a_small_layer(golden, name, epilogue):
    golden(name, tensorized(2, 5, 6, **epilogue).script() + "\n")


def test_text_parses_back():
    text = tensorized(2, 5, 6, bias=True, ending=RELU).script()
    assert tvm.script.from_source(text).script() == text


@pytest.mark.parametrize("bias", [False, True], ids=["", "bias"])
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda one: one.epilogue.name)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 4, 1), (3, 1, 4), (2, 5, 9)])
def test_no_loop_but_that_over_samples_is_left(sizes, bias, ending):
    func = tensorized(*sizes, bias=bias, ending=ending)
    assert re.findall(r"for (\w+) in", func.script()) == ["sample"]


@T.prim_func(s_tir=True)
def renamed(
    x: T.Buffer((2, 4), "float32"),
    w: T.Buffer((4, 3), "float32"),
    b: T.Buffer((3,), "float32"),
    y: T.Buffer((2, 3), "float32"),
):
    """Compute a layer in blocks whose names say something else."""
    acc = T.sblock_alloc_buffer((3,))
    for sample in range(2):
        for i in range(3):
            with T.sblock("mvm_0_0"):
                vi = T.axis.spatial(3, i)
                acc[vi] = b[vi]
        for i, j in T.grid(3, 4):
            with T.sblock("write_back_0"):
                vs = T.axis.spatial(2, sample)
                vi, vj = T.axis.remap("SR", [i, j])
                acc[vi] = acc[vi] + w[vj, vi] * x[vs, vj]
        for i in range(3):
            with T.sblock("start_0"):
                vs, vi = T.axis.remap("SS", [sample, i])
                y[vs, vi] = acc[vi]


def test_the_name_of_a_block_plays_no_part():
    text = tensorize(with_epilogue(renamed, NONE)).script()
    called = re.findall(r"T\.eie\.(\w+)", text)
    assert called == ["load_bias", "mvm", "write_back"]


@T.prim_func(s_tir=True)
def difference(
    x: T.Buffer((1, 4), "float32"), w: T.Buffer((4, 3), "float32"), y: T.Buffer((3,), "float32")
):
    for _sample in range(1):
        for i, j in T.grid(3, 4):
            with T.sblock("mvm_0_0"):
                vi, vj = T.axis.remap("SR", [i, j])
                y[vi] = y[vi] - w[vj, vi] * x[0, vj]


@T.prim_func(s_tir=True)
def transposed(
    x: T.Buffer((1, 4), "float32"), w: T.Buffer((3, 4), "float32"), y: T.Buffer((3,), "float32")
):
    for _sample in range(1):
        for i, j in T.grid(3, 4):
            with T.sblock("mvm_0_0"):
                vi, vj = T.axis.remap("SR", [i, j])
                y[vi] = y[vi] + w[vi, vj] * x[0, vj]


@T.prim_func(s_tir=True)
def leaky(x: T.Buffer((1, 4), "float32"), y: T.Buffer((4,), "float32")):
    for _sample in range(1):
        for i in range(4):
            with T.sblock("write_back_0"):
                vi = T.axis.spatial(4, i)
                y[vi] = T.max(x[0, vi], T.float32(0.1))


@pytest.mark.parametrize("func", [difference, transposed, leaky])
def test_a_block_that_computes_something_else_is_refused(func):
    with pytest.raises(ScheduleError, match="tensorize"):
        tensorize(with_epilogue(func, RELU))


def test_a_tile_of_another_size_is_refused():
    func = dense_kernel("main", DenseShape(1, 3, 4, False))
    schedule = Schedule(func)
    loops = schedule.get_loops(schedule.get_sblock("mvm_0_0"))
    with pytest.raises(ScheduleError, match="tensorize"):
        schedule.tensorize(loops[1], intrinsics.mvm(3, 5))


def test_intrinsics_are_registered_once():
    name = intrinsics.mvm(3, 4)
    assert name == "eie.mvm.3.4"
    assert intrinsics.mvm(3, 4) is name
    assert intrinsics.write_back(3, RELU) != intrinsics.write_back(3, NONE)
    description = tvm.s_tir.TensorIntrin.get(name)
    assert "T.eie.mvm" in description.impl.script()


def test_instructions_read_and_write_memory():
    intrinsics.register()
    for name in intrinsics.INTRINSICS:
        operator = tvm.ir.Op.get(f"tirx.eie.{name}")
        assert operator.get_attr("TCallEffectKind") == intrinsics.OPAQUE
