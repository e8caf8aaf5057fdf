"""Importers: from files and modules of other frameworks to Relax."""

from eie_backend.frontend.onnx import from_onnx

__all__ = ["from_onnx"]
