"""Layers to run: the nine of the EIE paper, generated or, where it was published, the real one."""

from __future__ import annotations

from eie_backend.workloads.alex8 import read_alex8
from eie_backend.workloads.generate import generate
from eie_backend.workloads.layer import Layer, LayerShape
from eie_backend.workloads.structure import EVEN, STRUCTURES, UNEVEN, Structure, structure_of
from eie_backend.workloads.table_iii import TABLE_III

__all__ = [
    "EVEN",
    "STRUCTURES",
    "TABLE_III",
    "UNEVEN",
    "Layer",
    "LayerShape",
    "Structure",
    "generate",
    "read_alex8",
    "structure_of",
]
