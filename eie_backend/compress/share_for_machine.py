"""`ShareForMachine`: share the weights of what the machine could run, but for their number."""

from __future__ import annotations

import tvm
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.compress.share_weights import ShareWeights
from eie_backend.config import HardwareConfig
from eie_backend.transform.constraints import CONSTRAINTS, Candidate, few_values, why_not
from eie_backend.transform.layers import dense_layers
from eie_backend.transform.module_pass import ModulePass


@tvm.transform.module_pass(opt_level=0, name="eie.ShareForMachine")
class ShareForMachine(ModulePass):
    """Share the weights of layers that have more values than the machine's codebook.

    Before -> after: see `ShareWeights`, with the machine's codebook bits.

    1. A layer that fits as it is, compressed by whomever, is left alone.
    2. A layer that stays on the host for another reason is left alone.
    """

    def __init__(self, config: HardwareConfig) -> None:
        self.config = config

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with shared weights."""
        others = [constraint for constraint in CONSTRAINTS if constraint is not few_values]
        layers = [
            Candidate(layer.name, layer.uses[0].binding.value, self.config)
            for layer in dense_layers(mod)
        ]
        names = [layer.name for layer in layers if why_not(layer, others) is None]
        return ShareWeights(dict.fromkeys(names, self.config.codebook_bits))(mod)
