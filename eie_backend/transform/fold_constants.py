"""`FoldConstants`: compute what depends on no input, after checking that this is safe."""

from __future__ import annotations

import tvm
from tvm import IRModule, relax
from tvm.ir.transform import PassContext

from eie_backend.errors import ModelError
from eie_backend.transform.guards.guard_operands import GuardOperands, constant_checks
from eie_backend.transform.guards.value_sizes import oversized
from eie_backend.transform.module_pass import ModulePass


@tvm.transform.module_pass(opt_level=0, name="eie.FoldConstants")
class FoldConstants(ModulePass):
    """Replace what depends on no input by its value.

    Before -> after::

        lv = R.take(W, [2, 0], axis=0)  ->  lv = [W[2], W[0]]

    TVM compiles what it folds and runs it in this process, so each operator is checked before.

    1. Nothing that is folded is larger than `value_sizes` allows.
    2. `GuardOperands` has checked every index and divisor; those that folding itself makes constant
       are checked before what reads them is folded.
    3. Checks of other operands stay in the module.
    """

    def transform_module(self, mod: IRModule, _context: PassContext) -> IRModule:
        """Return the module with constants.

        Raises
        ------
        ModelError
            If a constant or an index is out of range, or an operator is refused.
        """
        fold, guard = relax.transform.FoldConstant(), GuardOperands(refuse=False)
        guarded, waits = mod, True
        while waits:
            # 1.
            if faults := oversized(guarded):
                raise ModelError(f"{'; '.join(faults)}; export it again")
            # 2.
            guarded = fold(guard(guarded))
            waits = constant_checks(guarded)
        # 3.
        result: IRModule = GuardOperands()(guarded)
        return result
