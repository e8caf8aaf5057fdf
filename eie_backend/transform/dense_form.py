"""`DenseForm`: every layer that the machine can run becomes a matmul with constant weights."""

from __future__ import annotations

import tvm
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.transform.canonical_layers import CanonicalLayers
from eie_backend.transform.drop_broadcasts import DropBroadcasts
from eie_backend.transform.merge_sums import MergeSums
from eie_backend.transform.module_pass import ModulePass
from eie_backend.transform.normalize import Normalize


@tvm.transform.module_pass(opt_level=0, name="eie.DenseForm")
class DenseForm(ModulePass):
    """Bring a module into the form that compression, calibration and `Partition` read.

    Before -> after: see each pass.

    1. The result is plain Relax: it computes the same values on any target.
    2. Applying it twice changes nothing.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module in dense form."""
        passes = [
            # Before constants are folded: a broadcast weight is many times larger.
            DropBroadcasts(),
            # Before the rest: they look for constants.
            Normalize(),
            # Again: folding makes constants that repeat themselves.
            DropBroadcasts(),
            CanonicalLayers(),
            # Last: it looks for layers and their biases.
            MergeSums(),
        ]
        dense: IRModule = tvm.transform.Sequential(passes)(mod)
        return dense
