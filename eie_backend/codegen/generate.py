"""`generate_programs`: programs from the scheduled ``eie`` functions of a module.

Before -> after, the statements of a kernel and its surroundings::

    R.call_tir(fc1_kernel, (x, w, b))   ->  eie.load_act "fc1" src = 0, dst_row = 0, count = 784
      T.eie.load_bias(acc, b, 300)      ->  eie.load_bias "fc1" bias = 0
      T.eie.mvm(acc, w, x, 300, 784)    ->  eie.mvm "fc1" matrix = 0, src_row = 0
      T.eie.write_back(y, acc, 300, 1)  ->  eie.write_back "fc1" dst_row = 1019, epilogue = 1
                                            eie.store_act "fc1" src_row = 1019, count = 300
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir import GlobalVar

from eie_backend.codegen.act_rows import allocate_rows
from eie_backend.codegen.manifest import aliases_entry, manifest_of, orders_entry
from eie_backend.codegen.residency import place_matrices
from eie_backend.epilogues import NONE
from eie_backend.errors import ModelError
from eie_backend.isa.program import RECORD, Program, Step
from eie_backend.lower.kernel_calls import KernelCall, kernel_calls
from eie_backend.lower.kernel_steps import KernelStep, kernel_steps
from eie_backend.machine.codebook import bias_codes, codebook_of, nonzero_codes
from eie_backend.machine.encoding import EncodedMatrix, encode
from eie_backend.machine.formats import (
    FLOAT,
    LayerFormat,
    LayerRange,
    RangedLayer,
    layer_formats,
)
from eie_backend.machine.numerics import quantize, value_bits
from eie_backend.transform.attributes import ModuleAttributes, attributes
from eie_backend.transform.epilogues import kernel_epilogue
from eie_backend.transform.partition import is_eie_function
from eie_backend.work.progress import watched


def generate_programs(mod: IRModule) -> list[Program]:
    """Return the programs of a scheduled module, in the order in which the host calls them.

    Only one manifest, that of the alphabetically first symbol, has the entries for reports.

    Parameters
    ----------
    mod : IRModule
        Its ``eie`` functions are lowered and scheduled for the machine in its attributes.

    Raises
    ------
    ModelError
        If a layer's formats or activations do not fit the machine.
    """
    noted = attributes(mod)
    manifest = manifest_of(noted)
    short = {key: value for key, value in manifest.items() if key not in RECORD}
    functions = eie_functions(mod)
    first = min(functions, default="")
    programs = []
    for symbol, function in functions.items():
        calls, results = kernel_calls(mod, function)
        own = manifest if symbol == first else short
        layers = [call.layer for call in calls]
        entries = {**own, **aliases_entry(noted, layers), **orders_entry(noted, layers)}
        programs.append(_Generator(symbol, calls, results, noted, entries).program())
    return place_matrices(programs)


def eie_functions(mod: IRModule) -> dict[str, relax.Function]:
    """Return the machine's functions by symbol, in the order in which `main` calls them."""
    found = {g.name_hint: f for g, f in mod.functions_items() if is_eie_function(f)}
    main = next((f for g, f in mod.functions_items() if g.name_hint == "main"), None)
    called = [
        binding.value.op.name_hint
        for block in (main.body.blocks if main is not None else ())
        for binding in block.bindings
        if isinstance(getattr(binding.value, "op", None), GlobalVar)
    ]
    order = dict.fromkeys([*(name for name in called if name in found), *found])
    return {name: found[name] for name in order}


class _Generator:
    def __init__(
        self,
        symbol: str,
        calls: list[KernelCall],
        results: list[int],
        noted: ModuleAttributes,
        manifest: Mapping[str, str],
    ) -> None:
        assert noted.machine is not None
        self.symbol, self.calls, self.results = symbol, calls, results
        self.noted, self.config, self.manifest = noted, noted.machine, manifest
        self.value_bits = value_bits(noted.arithmetic)
        self.is_float = noted.arithmetic == "float32"
        self.layers = [call.layer for call in calls]
        self.codebooks = [codebook_of(call.weights) for call in calls]
        self.formats = self._formats()
        sizes = [call.weights.shape[0] for call in calls]
        self.inputs = calls[0].weights.shape[1]
        self.rows = allocate_rows(
            [self.inputs, *sizes], [call.source + 1 for call in calls], results, self.config
        )
        self.matrices: list[EncodedMatrix] = []
        self.biases: list[NDArray[np.generic]] = []

    def _formats(self) -> list[LayerFormat]:
        if self.is_float:
            return [FLOAT] * len(self.calls)
        ranges = [self.noted.calibration.get(layer, LayerRange()) for layer in self.layers]
        if self.noted.bias == "column":
            bits = self.value_bits
            ranges = [
                _with_room_for_one(n, r, bits) for n, r in zip(self.layers, ranges, strict=True)
            ]
        layers = [
            RangedLayer(
                layer_range,
                codebook,
                call.source,
                call.bias is not None,
                ending if (ending := kernel_epilogue(call.kernel)) != NONE else None,
            )
            for call, layer_range, codebook in zip(self.calls, ranges, self.codebooks, strict=True)
        ]
        config = self.config
        return layer_formats(layers, config.accumulator_bits, self.value_bits)

    def program(self) -> Program:
        """Emit every layer between the input's load and the results' stores."""
        load = {"src": 0, "dst_row": self.rows[0], "count": self.inputs}
        steps = [Step("load_act", {**load, "frac_bits": self.formats[0].input}, 0)]
        numbers = range(len(self.calls))
        for number in watched("encoding", numbers, lambda n: self.calls[n].weights.size):
            steps += self._layer(number)
        sizes = [self.calls[result].weights.shape[0] for result in self.results]
        for result, size, dst in zip(
            self.results, sizes, accumulate(sizes, initial=0), strict=False
        ):
            store = {"src_row": self.rows[result + 1], "dst": dst, "count": size}
            frac_bits = self.formats[result].output
            steps.append(Step("store_act", {**store, "frac_bits": frac_bits}, result))
        return Program(
            symbol=self.symbol,
            config=self.config,
            arithmetic=self.noted.arithmetic,
            inputs=self.inputs,
            outputs=sum(sizes),
            layers=tuple(self.layers),
            matrices=tuple(self.matrices),
            biases=tuple(self.biases),
            setup=(),
            steps=tuple(steps),
            manifest=self.manifest,
        )

    def _layer(self, number: int) -> list[Step]:
        """Emit one layer: its kernel's calls as instructions."""
        steps: list[Step] = []
        kernel = kernel_steps(self.calls[number].kernel)
        for at, call in enumerate(kernel):
            following = kernel[at + 1].name if at + 1 < len(kernel) else ""
            emit = getattr(self, f"_{call.name}")
            steps.append(emit(number, call, last_tile=following == "write_back"))
        return steps

    def _load_bias(self, number: int, call: KernelStep, *, last_tile: bool) -> Step:
        if self.noted.bias == "column":
            return Step("clear", {}, number)
        values = self._bias(number, call)
        if not self.is_float:
            bits = self.config.accumulator_bits
            values = quantize(values, self.formats[number].accumulator, bits).astype(np.int32)
        self.biases.append(values)
        return Step("load_bias", {"bias": len(self.biases) - 1}, number)

    def _clear(self, number: int, call: KernelStep, *, last_tile: bool) -> Step:
        return Step("clear", {}, number)

    def _mvm(self, number: int, call: KernelStep, *, last_tile: bool) -> Step:
        cols, rows = call.spans["w"]
        layer, codebook = self.calls[number], self.codebooks[number]
        column = None
        if last_tile and self.noted.bias == "column" and layer.bias is not None:
            column = bias_codes(layer.bias[slice(*rows)], codebook)
        config, layer_format = self.config, self.formats[number]
        codes = nonzero_codes(layer.weights[slice(*rows), slice(*cols)], codebook)
        matrix = encode(codes, codebook, config, column)
        if not self.is_float:
            words = quantize(matrix.codebook, layer_format.weights, self.value_bits)
            matrix = replace(matrix, codebook=words.astype(np.int32))
        self.matrices.append(matrix)
        operands = {
            "matrix": len(self.matrices) - 1,
            "src_row": self.rows[self.calls[number].source + 1] + cols[0] // config.num_pe,
            "shift": layer_format.product_shift,
            "frac_bits": layer_format.input,
        }
        return Step("mvm", operands, number)

    def _write_back(self, number: int, call: KernelStep, *, last_tile: bool) -> Step:
        start, stop = call.spans["y"][1]
        ending = kernel_epilogue(self.calls[number].kernel)
        frac_bits = None if self.is_float else self.formats[number].accumulator
        operands = {
            "dst_row": self.rows[number + 1] + start // self.config.num_pe,
            "count": stop - start,
            "epilogue": ending.epilogue.number,
            "parameter": ending.word(frac_bits),
            "shift": self.formats[number].output_shift,
        }
        return Step("write_back", operands, number)

    def _bias(self, number: int, call: KernelStep) -> NDArray[np.float32]:
        bias = self.calls[number].bias
        assert bias is not None
        ((start, stop),) = call.spans["b"]
        values: NDArray[np.float32] = bias[start:stop] + np.float32(0)  # text has no -0.0
        return values


def _with_room_for_one(name: str, found: LayerRange, bits: int) -> LayerRange:
    """Widen a layer's input range so that its format can represent a bias column's constant 1."""
    names = ("input", "sum", "product", "output")
    values = {name: getattr(found, name) for name in names}
    if max(values.values()) >= (limit := 1 << (bits - 1)):
        raise ModelError(
            f"{name}: activations beyond {limit - 1} leave no room for the constant 1 of a bias "
            "column; use bias='register'"
        )
    return replace(found, **{key: max(value, 1.0) for key, value in values.items()})
