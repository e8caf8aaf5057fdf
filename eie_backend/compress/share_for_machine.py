"""`ShareForMachine`: share weights of layers with too many values for the machine's codebook."""

from __future__ import annotations

from collections.abc import Sequence

import tvm
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.compress.share_weights import ShareWeights
from eie_backend.config import HardwareConfig
from eie_backend.files.spool import release
from eie_backend.transform.attributes import attributes
from eie_backend.transform.constraints import UNSHARED, Candidate, few_values, why_not
from eie_backend.transform.layers import DenseLayer, layers_of
from eie_backend.transform.module_pass import ModulePass


@tvm.transform.module_pass(opt_level=0, name="eie.ShareForMachine")
class ShareForMachine(ModulePass):
    """Share the weights of layers that have more values than the machine's codebook.

    Before -> after: see `ShareWeights`, with the machine's codebook bits.

    1. A layer that already fits, whatever tool compressed it, is left alone.
    2. A layer that stays on the host for another reason is left alone.
    """

    def __init__(self, config: HardwareConfig) -> None:
        self.config = config

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with shared weights."""
        return self.rewritten(mod, layers_of(mod))

    def rewritten(self, mod: IRModule, layers: Sequence[DenseLayer]) -> IRModule:
        """Return the module, whose layers are known, with shared weights."""
        names, on_host = [], attributes(mod).on_host
        for layer in layers:
            first = layer.uses[0].binding.value
            found = Candidate(layer.name, first, self.config, layer.name in on_host)
            # 2. 1.
            if why_not(found, UNSHARED) is None and not few_values(found):
                names.append(layer.name)
            release(layer.weights)
        bits = dict.fromkeys(names, self.config.codebook_bits)
        return ShareWeights(bits).rewritten(mod, layers) if names else mod
