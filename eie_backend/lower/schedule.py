"""`ScheduleKernels`: tile every kernel for the machine and tensorize it."""

from __future__ import annotations

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.config import HardwareConfig
from eie_backend.lower.check_schedule import schedule_name, scheduled
from eie_backend.lower.kernel_calls import KernelCall, kernel_calls
from eie_backend.machine.codebook import bias_codes, codebook_of
from eie_backend.schedules.kernel import Tiles
from eie_backend.schedules.schedule import KernelLayer, KernelSchedule, fewest_tiles
from eie_backend.schedules.tile import choose_tiles
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.module_pass import ModulePass
from eie_backend.transform.partition import is_eie_function


@tvm.transform.module_pass(opt_level=0, name="eie.ScheduleKernels")
class ScheduleKernels(ModulePass):
    """Tile kernels into blocks that fit the machine, and replace each block by its instructions.

    Before -> after::

        for sample, i, j: acc[i] += w[j, i] * x[sample, j]  ->
        for sample: T.eie.mvm(acc, w[0:4096, 0:4096], x[sample, 0:4096])
                    T.eie.mvm(acc, w[4096:8192, 0:4096], x[sample, 4096:8192])
                    T.eie.mvm(acc, w[8192:9216, 0:4096], x[sample, 8192:9216])

    1. There are as few tiles as registers, pointer SRAM and weight SRAM allow, unless `schedule`
       makes others.
    2. Functions that are not kernels of ``eie`` functions are left alone.

    Parameters
    ----------
    config : HardwareConfig
        The machine.
    bias : {"register", "column"}
        Whether the last tile of an output block holds the bias as a column.
    schedule : callable, optional
        In place of `fewest_tiles`; the module remembers its name.
    """

    def __init__(
        self,
        config: HardwareConfig,
        bias: str = "register",
        schedule: KernelSchedule | None = None,
    ) -> None:
        self.config, self.bias, self.schedule = config, bias, schedule

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with scheduled kernels."""
        functions = dict(mod.functions_items())
        for function in mod.functions.values():
            # 2.
            if is_eie_function(function):
                for call in kernel_calls(mod, function)[0]:
                    functions[call.gvar] = self._schedule(call)
        module = IRModule(functions, attrs=mod.attrs)
        if self.schedule is None:
            return module
        return with_attributes(module, schedule=schedule_name(self.schedule))

    def _schedule(self, call: KernelCall) -> tvm.tirx.PrimFunc:
        column = call.bias if self.bias == "column" else None
        codes = None if column is None else bias_codes(column, codebook_of(call.weights))
        layer = KernelLayer(call.layer, call.weights, codes, self.config)
        if self.schedule is None:
            return fewest_tiles(call.kernel, layer)
        return scheduled(self.schedule, call.kernel, layer)


def layer_tiles(
    weights: NDArray[np.generic], column: NDArray[np.uint8] | None, config: HardwareConfig
) -> Tiles:
    """Return a layer's tiling with the fewest tiles; see `choose_tiles`.

    `weights` (outputs, inputs) are values or codes, `column` (outputs,) the codes of a bias column.
    """
    outputs, inputs = weights.shape
    # 1.
    return choose_tiles(outputs, inputs, config, KernelLayer("", weights, column, config).lengths)
