"""`ScheduleKernels`: blocks and instructions. Numbers are those of its docstring."""

import re

import numpy as np
import pytest
import tvm
from tvm import relax
from tvm.ir import assert_structural_equal

from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.lower.kernel_calls import kernel_calls
from eie_backend.lower.kernel_steps import kernel_steps
from eie_backend.lower.lower_to_tir import LowerToTIR, is_eie_function, is_kernel
from eie_backend.lower.schedule import ScheduleKernels
from eie_backend.transform.normalize import Normalize
from eie_backend.transform.partition import Partition

PE = 4
REGISTERS = 2
BLOCK = PE * REGISTERS
MACHINE = HardwareConfig(num_pe=PE, act_registers=REGISTERS)


def lowered(*layers, config=MACHINE, bias=None):
    """Return a chain of layers with these weights (inputs, outputs) as unscheduled kernels."""
    builder = relax.BlockBuilder()
    value = x = relax.Var("x", relax.TensorType((2, layers[0].shape[0]), "float32"))
    with builder.function("main", [x]):
        for number, weights in enumerate(layers, start=1):
            call = relax.op.matmul(value, relax.const(weights.astype(np.float32)))
            value = builder.emit(call, f"fc{number}")
            if bias is not None:
                value = builder.emit(relax.op.add(value, relax.const(bias.astype(np.float32))))
        builder.emit_func_output(value)
    return LowerToTIR()(Partition(config)(Normalize()(builder.get())))


def kernels(mod):
    return {g.name_hint: f for g, f in mod.functions_items() if is_kernel(f)}


def steps(mod, kernel="fc1_kernel"):
    return kernel_steps(kernels(mod)[kernel])


def tiles(mod):
    """Return (outputs, inputs) of every matrix tile of layer fc1."""
    return [step.args for step in steps(mod) if step.name == "mvm"]


# Accepted


def test_every_kernel_is_scheduled():
    mod = ScheduleKernels(MACHINE)(lowered(np.ones((3, 5)), np.ones((5, 2))))
    for kernel in ("fc1_kernel", "fc2_kernel"):
        assert [step.name for step in steps(mod, kernel)] == ["clear", "mvm", "write_back"]
        assert "T.eie.mvm" in kernels(mod)[kernel].script()


@pytest.mark.parametrize(
    ("outputs", "blocks"),
    [(1, [1]), (BLOCK - 1, [7]), (BLOCK, [8]), (BLOCK + 1, [8, 1]), (3 * BLOCK, [8, 8, 8])],
)
def test_outputs_are_cut_by_the_destination_registers(outputs, blocks):  # 1
    mod = ScheduleKernels(MACHINE)(lowered(np.ones((4, outputs))))
    assert tiles(mod) == [(rows, 4) for rows in blocks]


@pytest.mark.parametrize(
    ("inputs", "blocks"), [(1, [1]), (BLOCK - 1, [7]), (BLOCK, [8]), (BLOCK + 1, [8, 1])]
)
def test_inputs_are_cut_by_the_source_registers(inputs, blocks):  # 1
    mod = ScheduleKernels(MACHINE)(lowered(np.ones((inputs, 4))))
    assert tiles(mod) == [(4, cols) for cols in blocks]


@pytest.mark.parametrize(("pointers", "cols"), [(PE + 2, [4, 4]), (2 * PE + 2, [8])])
def test_inputs_are_cut_by_the_pointer_sram(pointers, cols):  # 1
    # A bias column and the end of the last column take a pointer each.
    config = HardwareConfig(num_pe=PE, act_registers=REGISTERS, ptr_sram_bytes=2 * pointers)
    mod = ScheduleKernels(config)(lowered(np.ones((8, 4)), config=config))
    assert tiles(mod) == [(4, width) for width in cols]


@pytest.mark.parametrize(
    ("used", "cols"), [(1, [32] * 8), (2, [64] * 4), (3, [96, 96, 64]), (256, [256])]
)
def test_inputs_are_cut_by_the_weight_sram(used, cols):  # 1
    # 64 entries of weight SRAM; two rows per PE and column.
    config = HardwareConfig(num_pe=16, act_registers=32, spmat_sram_bytes=64)
    weights = np.zeros((256, 32))
    weights[::used] = 1
    mod = ScheduleKernels(config)(lowered(weights, config=config))
    assert tiles(mod) == [(32, width) for width in cols]


@pytest.mark.parametrize(("bias", "count"), [("register", 1), ("column", 2)])
def test_a_bias_column_takes_a_pointer_and_entries(bias, count):  # 1
    config = HardwareConfig(num_pe=1, act_registers=64, spmat_sram_bytes=64)
    mod = lowered(np.ones((8, 8)), config=config, bias=np.ones(8))
    assert len(tiles(ScheduleKernels(config, bias)(mod))) == count


def test_both_directions_are_cut_in_the_order_of_execution():
    mod = ScheduleKernels(MACHINE)(lowered(np.ones((BLOCK + 1, BLOCK + 1))))
    names = ["clear", "mvm", "mvm", "write_back"]
    assert [step.name for step in steps(mod)] == names * 2
    spans = [step.spans["w"] for step in steps(mod) if step.name == "mvm"]
    assert spans == [
        ((0, 8), (0, 8)),
        ((8, 9), (0, 8)),
        ((0, 8), (8, 9)),
        ((8, 9), (8, 9)),
    ]


def test_a_scheduled_module_still_tells_its_calls():
    mod = ScheduleKernels(MACHINE)(lowered(np.ones((3, 5)), np.ones((5, 2))))
    (function,) = [f for f in mod.functions.values() if is_eie_function(f)]
    calls, results = kernel_calls(mod, function)
    assert [(call.layer, call.source) for call in calls] == [("fc1", -1), ("fc2", 0)]
    assert results == [1]


def test_no_tile_fits():
    config = HardwareConfig(num_pe=PE, act_registers=REGISTERS, ptr_sram_bytes=4)
    message = (
        "no tile of 4 inputs fits: a PE has 4 bytes of pointer SRAM and reaches 65535 entries; "
        "enlarge ptr_sram_bytes, spmat_sram_bytes or num_pe"
    )
    with pytest.raises(ModelError, match=re.escape(message)):
        ScheduleKernels(config)(lowered(np.ones((8, 4)), config=config))


# Left alone


def test_a_kernel_that_no_eie_function_calls_is_left_alone():  # 2
    mod = lowered(np.ones((3, 5)))
    other = kernels(mod)["fc1_kernel"].with_attr("global_symbol", "other")
    functions = {**dict(mod.functions_items()), tvm.ir.GlobalVar("other"): other}
    scheduled = ScheduleKernels(MACHINE)(tvm.IRModule(functions))
    assert_structural_equal(scheduled["other"], other)
    assert "T.eie.mvm" in scheduled["fc1_kernel"].script()


def test_functions_of_the_host_are_left_alone():  # 2
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((2, 5), "float32"))
    with builder.function("main", [x]):
        builder.emit_func_output(builder.emit(relax.op.nn.softmax(x)))
    mod = builder.get()
    assert_structural_equal(ScheduleKernels(MACHINE)(mod), mod)
