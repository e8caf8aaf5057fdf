"""Compiler backend for Apache TVM and cycle-exact simulator of an EIE-like sparse accelerator.

``import tvm`` alone makes ``target="eie"`` known (see `_autoload`); everything else is imported
when it is first used, so the hook stays cheap.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eie_backend._versions import __version__ as __version__
from eie_backend._versions import check_versions

if TYPE_CHECKING:
    from eie_backend import compress, relay
    from eie_backend.analytical import Estimate, estimate
    from eie_backend.codegen.library import export_library, load
    from eie_backend.compiler import compile
    from eie_backend.compiler.placement import Placement, explain
    from eie_backend.config import HardwareConfig
    from eie_backend.errors import EieError, ModelWarning, NotFiniteWarning, SaturationWarning
    from eie_backend.fidelity.compare import compare
    from eie_backend.frontend import (
        bind_dimensions,
        from_jax,
        from_onnx,
        from_pytorch,
        from_stablehlo,
        onnx_operators,
        register_onnx_operator,
        unregister_onnx_operator,
    )
    from eie_backend.machine.encoding import EncodedMatrix, encode
    from eie_backend.machine.target import target
    from eie_backend.profiler import profile, run
    from eie_backend.recipe import Recipe, Schedule, paper_recipe, read_recipe
    from eie_backend.simulator import LayerRun, simulate, simulate_batch
    from eie_backend.storage.container import load_eiez, read_eiez, save_eiez
    from eie_backend.tracing.trace import Trace, trace, trace_layer
    from eie_backend.tuning.calibration import calibrate

_HOME = {
    "EieError": "errors",
    "EncodedMatrix": "machine.encoding",
    "Estimate": "analytical",
    "HardwareConfig": "config",
    "LayerRun": "simulator",
    "ModelWarning": "errors",
    "NotFiniteWarning": "errors",
    "Placement": "compiler.placement",
    "Recipe": "recipe",
    "SaturationWarning": "errors",
    "Schedule": "recipe",
    "Trace": "tracing.trace",
    "bind_dimensions": "frontend",
    "calibrate": "tuning.calibration",
    "compare": "fidelity.compare",
    "compile": "compiler",
    "encode": "machine.encoding",
    "estimate": "analytical",
    "explain": "compiler.placement",
    "export_library": "codegen.library",
    "from_jax": "frontend",
    "from_onnx": "frontend",
    "from_pytorch": "frontend",
    "from_stablehlo": "frontend",
    "load": "codegen.library",
    "load_eiez": "storage.container",
    "onnx_operators": "frontend",
    "paper_recipe": "recipe",
    "profile": "profiler",
    "read_eiez": "storage.container",
    "read_recipe": "recipe",
    "register_onnx_operator": "frontend",
    "run": "profiler",
    "save_eiez": "storage.container",
    "simulate": "simulator",
    "simulate_batch": "simulator",
    "target": "machine.target",
    "trace": "tracing.trace",
    "trace_layer": "tracing.trace",
    "unregister_onnx_operator": "frontend",
}
_MODULES = ("compress", "relay")

__all__ = [
    "EieError",
    "EncodedMatrix",
    "Estimate",
    "HardwareConfig",
    "LayerRun",
    "ModelWarning",
    "NotFiniteWarning",
    "Placement",
    "Recipe",
    "SaturationWarning",
    "Schedule",
    "Trace",
    "bind_dimensions",
    "calibrate",
    "compare",
    "compile",
    "compress",
    "encode",
    "estimate",
    "explain",
    "export_library",
    "from_jax",
    "from_onnx",
    "from_pytorch",
    "from_stablehlo",
    "load",
    "load_eiez",
    "onnx_operators",
    "paper_recipe",
    "profile",
    "read_eiez",
    "read_recipe",
    "register_onnx_operator",
    "relay",
    "run",
    "save_eiez",
    "simulate",
    "simulate_batch",
    "target",
    "trace",
    "trace_layer",
    "unregister_onnx_operator",
]

# Our own commands are imported from here: they check by themselves, so as to report what they find.
if sys.argv[0].rpartition("/")[2] not in ("eie", "eie-opt"):
    check_versions()


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"eie_backend.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'eie_backend' has no attribute {name!r}")
    value = getattr(import_module(f"eie_backend.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def _autoload() -> None:
    """Make ``target="eie"`` known to TVM; called by ``import tvm`` through an entry point."""
    from eie_backend._register import register

    register()
