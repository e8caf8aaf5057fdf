"""Specifications of sweeps: YAML that `read_spec` reads; files that one names are itself."""

from __future__ import annotations

from itertools import islice
from random import Random

from driver import Kind
from edits import edit_file
from files import with_file
from recipes import YAML_WORDS

from eie_backend.sweep.space import design_of, grid
from eie_backend.sweep.spec import read_spec

HEAD = "models: spec.yaml\ndata: spec.yaml\n"
SEEDS = (
    HEAD + "hardware: {num_pe: [16, 64], fifo_depth: [4, 8]}\nrecipe: {density: [0.1, 0.2]}\n",
    HEAD + "recipe: {density: {fc1: [0.1, 0.5], 'fc*': 0.2}, method: [magnitude, balanced]}\n",
    HEAD + "hardware: {num_pe: {low: 1, high: 64, log: true}}\nsearch: {trials: 9, batch: 3}\n",
    HEAD + "objectives: [accuracy, cycles]\nprune: false\narithmetic: int8\nbalance: auto\n",
    "models: {a: spec.yaml, b: spec.yaml}\ndata: spec.yaml\nbind: {batch: 4}\nstrict: false\n",
)
WORDS = (*YAML_WORDS, "hardware", "recipe", "density", "low", "high", "log", "search", "trials")


def edit(random: Random, data: bytes) -> bytes:
    """Edit YAML."""
    return edit_file(random, data, WORDS)


def read(data: bytes) -> None:
    """Read a specification and make its first designs."""
    spec = with_file(read_spec, data, "spec.yaml")
    if spec.search is None:
        for values in islice(grid(spec.space), 3):
            _ = design_of(values).family


KIND = Kind("sweeps", lambda: [text.encode() for text in SEEDS], edit, read, multiple=1000)
