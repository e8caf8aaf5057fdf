"""Importers: models in ONNX, PyTorch, JAX and StableHLO become Relax modules."""

from eie_backend.frontend.dimensions import bind_dimensions
from eie_backend.frontend.jax import from_jax
from eie_backend.frontend.onnx import from_onnx
from eie_backend.frontend.onnx_operators import (
    onnx_operators,
    register_onnx_operator,
    unregister_onnx_operator,
)
from eie_backend.frontend.pytorch import from_pytorch
from eie_backend.frontend.stablehlo import from_stablehlo

__all__ = [
    "bind_dimensions",
    "from_jax",
    "from_onnx",
    "from_pytorch",
    "from_stablehlo",
    "onnx_operators",
    "register_onnx_operator",
    "unregister_onnx_operator",
]
