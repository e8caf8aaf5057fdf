"""The hook into TVM: target tag, default pipeline, code generator and runtime library.

TVM calls it at the end of ``import tvm``. It therefore has no expensive imports (the compiler is
loaded when a module is first built for the target), and imports TVM only inside functions: if this
file is imported first, it must be complete when TVM calls back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import tvm_ffi

from eie_backend.errors import EieError, ModelError, SaturationWarning

if TYPE_CHECKING:
    import tvm


@cache
def register() -> None:
    """Register everything once; other targets keep their pipelines."""
    import tvm

    from eie_backend.machine.tag import DESCRIPTION, TAG
    from eie_backend.runtime import runtime

    for error in (*EieError.__subclasses__(), SaturationWarning):
        # Register the errors, so that an error of a pass keeps its type through TVM's C++; and a
        # warning that a filter makes one.
        tvm_ffi.register_error(error.__name__, error)
    runtime()
    tvm.target.register_tag(TAG, DESCRIPTION)
    tvm_ffi.register_global_func("relax.ext.eie", _codegen, override=True)
    tvm_ffi.register_global_func("eie.saturated", _saturated, override=True)
    pipelines = tvm.relax.pipeline.PIPELINE_MAP
    pipelines["default"] = _dispatching(pipelines["default"])


def _dispatching(default: Callable[..., Any]) -> Callable[..., Any]:
    """Return a pipeline factory that runs eie's passes first for eie targets.

    Its option `schedule`, ``relax.get_pipeline("default", schedule=mine)``, is that of `compile`.
    """
    import tvm

    def factory(*, schedule: Any = None, **options: Any) -> Any:
        @tvm.transform.module_pass(opt_level=0, name="eie.dispatch")
        def pipeline(mod: tvm.IRModule, _context: Any) -> tvm.IRModule:
            from eie_backend.machine.target import is_eie

            target = tvm.target.Target.current(allow_none=True)
            if is_eie(target):
                from eie_backend.compiler.pipeline import eie_pipeline

                mod = eie_pipeline(target, schedule)(mod)
            elif schedule is not None:
                raise ModelError(f"schedule: target {target} is no eie target; leave it out")
            return default(**options)(mod)

        return pipeline

    return factory


def _codegen(functions: Any, options: Any, _constant_names: Any) -> list[Any]:
    from eie_backend.compiler.external import external_modules

    return external_modules(functions, options)


def _saturated(layers: Sequence[str], counts: Sequence[int]) -> None:
    from eie_backend.simulator.unrecorded import tell_unrecorded

    tell_unrecorded(layers, counts)
