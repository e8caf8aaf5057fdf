"""`ScheduleKernels`: tile every kernel for the machine and tensorize it."""

from __future__ import annotations

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.codegen.codebook import recover_codes
from eie_backend.config import HardwareConfig
from eie_backend.encoding import encode
from eie_backend.schedules.kernel import Span
from eie_backend.schedules.tensorize import tensorize
from eie_backend.schedules.tile import choose_blocks, tile
from eie_backend.transform.kernel_calls import KernelCall, kernel_calls
from eie_backend.transform.lower_to_tir import is_eie_function
from eie_backend.transform.module_pass import ModulePass


@tvm.transform.module_pass(opt_level=0, name="eie.ScheduleKernels")
class ScheduleKernels(ModulePass):
    """Cut kernels into blocks that the machine holds and replace these by its instructions.

    Before -> after::

        for sample, i, j: acc[i] += w[i, j] * x[sample, j]  ->
        for sample: T.eie.mvm(acc, w[0:4096, 0:4096], x[sample, 0:4096])
                    T.eie.mvm(acc, w[0:4096, 4096:9216], ...)

    1. Blocks are as few as registers, pointer SRAM and weight SRAM allow.
    2. Functions that are not kernels of ``eie`` functions are left alone.

    Parameters
    ----------
    config : HardwareConfig
        The machine.
    """

    def __init__(self, config: HardwareConfig) -> None:
        self.config = config

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with scheduled kernels."""
        functions = dict(mod.functions_items())
        for function in mod.functions.values():
            if is_eie_function(function):
                for call in kernel_calls(mod, function)[0]:
                    functions[call.gvar] = self._schedule(call)
        return IRModule(functions, attrs=mod.attrs)

    def _schedule(self, call: KernelCall) -> tvm.tirx.PrimFunc:
        blocks = layer_blocks(*recover_codes(call.weights), self.config)
        return tensorize(tile(call.kernel, *blocks))


def layer_blocks(
    codes: NDArray[np.uint8], codebook: NDArray[np.float32], config: HardwareConfig
) -> tuple[list[Span], list[Span]]:
    """Return the output and input blocks of a layer's tiles; see `choose_blocks`."""

    def fits(rows: Span, cols: Span) -> bool:
        encoded = encode(codes[slice(*rows), slice(*cols)], codebook, config)
        # A bias column adds at most one entry and its paddings per PE and row of a block.
        return int(encoded.entries_per_pe.max()) + config.act_registers <= config.matrix_entries

    outputs, inputs = codes.shape
    return choose_blocks(outputs, inputs, config, fits)
