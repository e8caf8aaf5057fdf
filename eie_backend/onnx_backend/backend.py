"""`EieBackend`: ONNX's backend interface on target eie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper
from onnx.backend.base import Backend
from onnx.helper import np_dtype_to_tensor_dtype

from eie_backend.config import HardwareConfig
from eie_backend.errors import InputError
from eie_backend.onnx_backend.rep import EieRep, Inputs

CODEBOOK_BITS = 7
"""Weights of up to 128 different values stay what they are."""


class EieBackend(Backend):
    """ONNX models on target eie: layers with constant weights on the machine, the rest beside it.

    **Source**: ``onnx.backend.base``.
    """

    @classmethod
    def prepare(
        cls,
        model: ModelProto,
        device: str = "CPU",
        config: HardwareConfig | None = None,
        arithmetic: str = "float32",
        **options: Any,
    ) -> EieRep:
        """Compile a model.

        Parameters
        ----------
        model : ModelProto
            The model.
        device : str
            See `supports_device`.
        config : HardwareConfig, optional
            The machine.
        arithmetic : str
            As `eie_backend.compile` takes it; its other arguments are taken, too.
        """
        if not cls.supports_device(device):
            raise InputError(f"prepare: device is {device!r}, it must be 'CPU' or 'EIE'")
        machine = config or HardwareConfig(codebook_bits=CODEBOOK_BITS)
        return EieRep(model, machine, {"arithmetic": arithmetic, **options})

    @classmethod
    def run_model(
        cls, model: ModelProto, inputs: Inputs, device: str = "CPU", **options: Any
    ) -> tuple[NDArray[Any], ...]:
        """Compile a model and return its outputs."""
        return cls.prepare(model, device, **options).run(inputs)

    @classmethod
    def run_node(
        cls,
        node: NodeProto,
        inputs: Inputs,
        device: str = "CPU",
        outputs_info: Sequence[tuple[Any, tuple[int, ...]]] | None = None,
        **options: Any,
    ) -> tuple[NDArray[Any], ...]:
        """Run one node alone; `opset_version` says of which operator set."""
        opset = options.pop("opset_version", None)
        names = [name for name in node.input if name]
        values = dict(zip(names, map(np.asarray, inputs), strict=True))
        given = [
            helper.make_tensor_value_info(name, np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in values.items()
        ]
        unknown: list[tuple[Any, Any]] = [(None, None)] * len(node.output)
        kinds = outputs_info or unknown
        results = [
            helper.make_tensor_value_info(
                name,
                TensorProto.UNDEFINED if kind is None else np_dtype_to_tensor_dtype(np.dtype(kind)),
                shape,
            )
            for name, (kind, shape) in zip(node.output, kinds, strict=True)
        ]
        graph = helper.make_graph([node], "node", given, results)
        opsets = None if opset is None else [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=opsets)
        return cls.run_model(model, values, device, **options)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Return whether models run on a device: the simulated machine and its host, one thing."""
        return device.partition(":")[0] in ("CPU", "EIE")
