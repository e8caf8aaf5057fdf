"""`FloatLayers`: the float network in dense form, with the layers of a library by their names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule

from eie_backend.epilogues import NONE
from eie_backend.fidelity.instrumented import Ends
from eie_backend.fidelity.reference import check_inputs_of
from eie_backend.isa.program import Program
from eie_backend.machine.choices import WINOGRAD
from eie_backend.machine.epilogue import Applied
from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.transform.balance_rows import order_sources
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.epilogues import epilogue_of
from eie_backend.transform.inputs import InputSpec
from eie_backend.transform.layers import DenseLayer, LayerUse, bias_of, layers_of

SOURCE = "source"
"""Entry of a manifest, as JSON, of what the library was imported from."""


@dataclass(frozen=True, eq=False)
class FloatLayers:
    """The float network of a library.

    `layers` are those that the library has, by name, in order of first use; `order_sources` names
    the layer whose order of outputs applies to a layer's input, if the library has orders.
    """

    mod: IRModule
    layers: Mapping[str, DenseLayer]
    order_sources: Mapping[str, str]

    @classmethod
    def of(
        cls, mod: IRModule, programs: Sequence[Program], specs: Sequence[InputSpec]
    ) -> FloatLayers:
        """Bring a module into the form in which it was compiled, whose layers have the same names.

        Which convolutions are Winograd's follows from the library: from its record of its source,
        or else from the names of its layers.

        Raises
        ------
        InputError
            If its inputs are not those of the library.
        """
        check_inputs_of(mod, specs)
        wanted = {name for program in programs for name in program.layers}
        tried = []
        for mode in dict.fromkeys([_winograd(mod, programs), *WINOGRAD.values]):
            dense = DenseForm()(with_attributes(mod, winograd=mode))
            layers = layers_of(dense)
            found = {layer.name: layer for layer in layers if layer.name in wanted}
            tried.append(cls(dense, found, order_sources(layers)))
            if len(found) == len(wanted):
                break
        return max(tried, key=lambda network: len(network.layers))


@dataclass(frozen=True, eq=False)
class FloatUse:
    """What one use of a layer computes in floating point."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32] | None
    ending: Applied

    @classmethod
    def of(cls, layer: DenseLayer, use: LayerUse) -> FloatUse:
        """Return the use, with what the model adds to its product."""
        return cls(layer.weights, bias_of(use)[0], epilogue_of(use))

    def why_not(self, ends: Ends) -> str:
        """Return why the machine's layer is another one, "" if it is not."""
        sizes = ends.result.size, ends.source.size
        if self.weights.shape != sizes:
            outputs, inputs = self.weights.shape
            return f"{sizes[0]} x {sizes[1]} on the machine, {outputs} x {inputs} in the model"
        lacks = [
            what
            for what, there, here in (
                ("bias", ends.has_bias, self.bias is not None),
                ("epilogue", ends.has_epilogue, self.ending != NONE),
            )
            if there and not here
        ]
        return f"a {' and '.join(lacks)} on the machine, none in the model" if lacks else ""

    def results(self, x: NDArray[np.float32], ends: Ends) -> NDArray[np.float32]:
        """Return the results (rows, outputs), with what the machine adds to its products, too."""
        with np.errstate(invalid="ignore", over="ignore"):
            total = x @ self.weights.T
            if ends.has_bias and self.bias is not None:
                total += self.bias
            return self.ending.of_floats(total) if ends.has_epilogue else total


def _winograd(mod: IRModule, programs: Sequence[Program]) -> str:
    """Return the mode that the library's record of its source says, or the module's own."""
    for program in programs:
        try:
            said = json.loads(program.manifest.get(SOURCE) or "{}")["winograd"]
        except (KeyError, RecursionError, TypeError, ValueError):
            continue
        if said in WINOGRAD.values:
            return str(said)
    return attributes(mod).winograd
