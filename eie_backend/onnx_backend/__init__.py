"""ONNX's own backend interface, which its `BackendTest` and tools beside it call."""

from eie_backend.onnx_backend.backend import EieBackend
from eie_backend.onnx_backend.rep import EieRep

prepare = EieBackend.prepare
run_model = EieBackend.run_model
run_node = EieBackend.run_node
supports_device = EieBackend.supports_device

__all__ = ["EieBackend", "EieRep", "prepare", "run_model", "run_node", "supports_device"]
