"""The order of our passes between a Relax module and TVM's own lowering."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import tvm
from tvm import IRModule, relax
from tvm.ir.transform import PassContext
from tvm.target import Target

from eie_backend.compiler.model_record import (
    graph_json,
    operations_json,
    weights_after,
    weights_before,
    weights_json,
)
from eie_backend.compress.share_for_machine import ShareForMachine
from eie_backend.config import HardwareConfig
from eie_backend.machine.target import config_of
from eie_backend.simulator.inputs import input_specs
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.partition import Partition


def front_passes(config: HardwareConfig) -> list[Any]:
    """Return the passes from any Relax module to a partitioned one."""
    return [
        # First: the others look for constant weights.
        DenseForm(),
        # Before Partition: layers with more values than the codebook would stay on the host.
        ShareForMachine(config),
        Partition(config),
    ]


def eie_pipeline(target: Target) -> Any:
    """Return the pipeline of an eie target: up to runtime modules for the machine's functions."""
    config = config_of(target)

    @tvm.transform.module_pass(opt_level=0, name="eie.pipeline")
    def pipeline(mod: IRModule, _context: PassContext) -> IRModule:
        *front, partition = front_passes(config)
        shared = tvm.transform.Sequential(front)(mod)
        partitioned = partition(shared)
        options = {**codegen_attributes(mod), "interface": interface(mod)}
        options |= record(mod, shared, partitioned, config)
        built = relax.transform.RunCodegen({"eie": options})(partitioned)
        # The weights are in the images; TVM would put these constants into the library, too.
        return built.without_attr("const_name_to_constant")

    return pipeline


def interface(mod: IRModule) -> str:
    """Return name, shape and dtype of the inputs of a module's `main` as JSON; "[]" without one."""
    has_main = "main" in [gvar.name_hint for gvar in mod.get_global_vars()]
    return json.dumps(input_specs(mod) if has_main else [])


def record(
    mod: IRModule, shared: IRModule, partitioned: IRModule, config: HardwareConfig
) -> dict[str, str]:
    """Return the manifest's entries for reports: a module's graph, and its weights.

    What `compile` has noted of the model before it was compressed is taken from the attributes.
    """
    noted = codegen_attributes(mod)
    weights = noted.get("weights")
    if weights is None:
        before = weights_before(DenseForm()(mod))
        weights = weights_json(before, weights_after(shared, before, config))
    recorded = noted.get("operations") or operations_json(mod)
    return {"graph": graph_json(str(recorded), shared, partitioned, config), "weights": weights}


def codegen_attributes(mod: IRModule) -> Mapping[str, Any]:
    """Return the module attributes that code generation reads, without their ``eie.`` prefix."""
    attributes = dict(mod.attrs.items()) if mod.attrs else {}
    return {k.removeprefix("eie."): v for k, v in attributes.items() if k.startswith("eie.")}
