"""Passes over ONNX graphs, one per file, from valid model to valid model, before TVM sees them."""
