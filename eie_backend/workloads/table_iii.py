"""The EIE paper's nine benchmark layers (Table III)."""

from __future__ import annotations

from eie_backend.workloads.layer import LayerShape

TABLE_III = {
    shape.name: shape
    for shape in (
        LayerShape("Alex-6", 9216, 4096, 0.09, 0.351),
        LayerShape("Alex-7", 4096, 4096, 0.09, 0.353),
        LayerShape("Alex-8", 4096, 1000, 0.25, 0.375),
        LayerShape("VGG-6", 25088, 4096, 0.04, 0.183),
        LayerShape("VGG-7", 4096, 4096, 0.04, 0.375),
        LayerShape("VGG-8", 4096, 1000, 0.23, 0.411),
        LayerShape("NT-We", 4096, 600, 0.10, 1.0),
        LayerShape("NT-Wd", 600, 8791, 0.11, 1.0),
        LayerShape("NT-LSTM", 1201, 2400, 0.10, 1.0),
    )
}
"""Shapes by name, in the paper's order, for `generate`."""
