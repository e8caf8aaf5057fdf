"""`DenseForm`: convert every layer that the machine can run to a matmul with constant weights."""

from __future__ import annotations

import tvm
from tvm import IRModule
from tvm.ir.transform import PassContext

from eie_backend.transform.batch_norm import FoldBatchNorm
from eie_backend.transform.canonical_epilogues import CanonicalEpilogues
from eie_backend.transform.canonical_layers import CanonicalLayers
from eie_backend.transform.drop_broadcasts import DropBroadcasts
from eie_backend.transform.lower_convolutions import LowerConvolutions
from eie_backend.transform.merge_sums import MergeSums
from eie_backend.transform.module_pass import ModulePass
from eie_backend.transform.normalize import Normalize


@tvm.transform.module_pass(opt_level=0, name="eie.DenseForm")
class DenseForm(ModulePass):
    """Bring a module into the form that compression, calibration and `Partition` read.

    Before -> after: see each pass.

    1. The result is plain Relax: it computes the same values on any target.
    2. Applying it twice changes nothing.

    Public functions convert their module to dense form; internal functions expect it and do not
    convert again.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module in dense form."""
        normal = tvm.transform.Sequential(
            [
                # Comes before constant folding: a broadcast weight is many times larger.
                DropBroadcasts(),
                # Comes before the rest, which look for constants.
                Normalize(),
                # Comes before convolutions are lowered: they take their epilogues along.
                CanonicalEpilogues(),
            ]
        )(mod)
        lowered = tvm.transform.Sequential(
            [
                # Comes while there are still convolutions.
                FoldBatchNorm(),
                LowerConvolutions(),
                # Runs again: folding creates constants with repeated values.
                DropBroadcasts(),
            ]
        )(normal)
        if not lowered.same_as(normal):
            lowered = Normalize()(lowered)
        # Sums are last: they look for layers and their biases.
        dense: IRModule = tvm.transform.Sequential([CanonicalLayers(), MergeSums()])(lowered)
        return dense
