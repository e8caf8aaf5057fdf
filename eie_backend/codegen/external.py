"""TVM's external code generator ``relax.ext.eie``: partitioned functions to runtime modules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import tvm
from tvm import relax
from tvm.target import Target

from eie_backend._versions import __version__
from eie_backend.codegen.generate import CodegenOptions, generate
from eie_backend.codegen.residency import place_matrices
from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.isa.image import encode_image
from eie_backend.isa.program import RECORD, Program
from eie_backend.lower.lower_to_tir import lower
from eie_backend.lower.schedule import ScheduleKernels
from eie_backend.machine.choices import ARITHMETIC, BIAS
from eie_backend.machine.target import config_of, is_eie
from eie_backend.runtime import runtime


def external_modules(
    functions: Sequence[relax.Function], attributes: Mapping[str, Any]
) -> list[Any]:
    """Return one runtime module of kind ``eie`` per function.

    Parameters
    ----------
    functions : sequence of relax.Function
        Partitioned functions with a global symbol.
    attributes : mapping
        Module attributes without prefix: arithmetic, bias, calibration, recipe, balance,
        model_sha256, interface.
    """
    target = Target.current(allow_none=True)
    config = config_of(target) if is_eie(target) else HardwareConfig()
    options = codegen_options(config, attributes)
    symbols = [str(function.attrs["global_symbol"]) for function in functions]
    return [
        runtime().load_image(encode_image(program))
        for program in generate_programs(dict(zip(symbols, functions, strict=True)), options)
    ]


def generate_programs(
    functions: Mapping[str, relax.Function], options: CodegenOptions
) -> list[Program]:
    """Take the partitioned functions of a module, by symbol, through TIR to their programs.

    Of the manifests, that of the alphabetically first symbol alone has the entries for reports.
    """
    schedule = ScheduleKernels(options.config, options.bias)
    short = {key: value for key, value in options.manifest.items() if key not in RECORD}
    others, first = replace(options, manifest=short), min(functions, default="")
    return place_matrices(
        [
            generate(
                schedule(lower(symbol, function)), symbol, options if symbol == first else others
            )
            for symbol, function in functions.items()
        ]
    )


def codegen_options(config: HardwareConfig, attributes: Mapping[str, Any]) -> CodegenOptions:
    """Read the options of code generation from a module's attributes.

    Raises
    ------
    ModelError
        If an attribute has an unknown value.
    """
    arithmetic: Any = str(attributes.get("arithmetic", "int16"))
    bias: Any = str(attributes.get("bias", "register"))
    for name, value, allowed in (
        ("arithmetic", arithmetic, ARITHMETIC.values),
        ("bias", bias, BIAS.values),
    ):
        if value not in allowed:
            raise ModelError(f"{name} {value!r} is unknown; choose one of {', '.join(allowed)}")
    calibration = {
        str(layer): {str(k): float(v) for k, v in ranges.items()}
        for layer, ranges in attributes.get("calibration", {}).items()
    }
    return CodegenOptions(config, arithmetic, bias, calibration, _manifest(config, attributes))


def _manifest(config: HardwareConfig, attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return hashes and versions of what a program is made from."""
    sizes = json.dumps(config.to_dict(), sort_keys=True)
    return {
        "balance": str(attributes.get("balance", "")),
        "config_sha256": hashlib.sha256(sizes.encode()).hexdigest(),
        "eie_version": __version__,
        "graph": str(attributes.get("graph", "[]")),
        "interface": str(attributes.get("interface", "[]")),
        "model_sha256": str(attributes.get("model_sha256", "")),
        "recipe": str(attributes.get("recipe", "")),
        "tvm_version": tvm.__version__,
        "weights": str(attributes.get("weights", "{}")),
    }
