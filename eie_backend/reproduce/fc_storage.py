"""Deep Compression's tables 4 and 5: the storage of AlexNet's and VGG-16's dense layers."""

from __future__ import annotations

from eie_backend.reproduce.published import deep_compression
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import Runs
from eie_backend.storage.accounting import FLOAT_BITS
from eie_backend.storage.layout import choose_layout

KEY = "fc_storage"

ROWS = 512
"""Outputs of each layer that are coded, in a second; all outputs have the same statistics."""

NOTES = (
    f"The first {ROWS} outputs of each layer, as the paper counts: fillers, and a codebook of "
    "32-bit values for the whole layer.",
    "Convolutions, weights after Huffman coding and errors depend on the trained networks, which "
    "are not here; what follows from densities alone is.",
    "Where zeros lie anywhere alike, long gaps, which need a filler, are more frequent than in "
    "trained layers, whose zeros come in runs: VGG-16's 4 % shows it most.",
)


def reproduce(runs: Runs) -> Result:
    """Return sizes and index bits of the layers, with the paper's widths of codes and indices."""
    values = []
    for name, numbers in deep_compression()[KEY]["layers"].items():
        _, density, code_bits, _, index_bits, index_huffman, percent, _ = numbers
        layer = runs.layers[name].codes
        codes = layer[:ROWS]
        layout = choose_layout(codes, index_bits)
        entries = int(layout.codes.counts.sum())
        codebook_share = (FLOAT_BITS << code_bits) / (FLOAT_BITS * layer.size)
        share = entries * (code_bits + index_bits) / (FLOAT_BITS * codes.size) + codebook_share
        why = "whole percents: 4 % may be 3.5 %, or 12 % less; trained zeros come in runs"
        values += [
            Value(name, "density", "%", 100 * (entries - layout.fillers) / codes.size, density),
            Value(name, "fillers", "% of entries", 100 * layout.fillers / entries),
            Value(name, "P+Q", "%", 100 * share, percent, 0.16, why),
            Value(name, "index bits H", "", layout.runs.bits / entries, index_huffman),
        ]
    title = "AlexNet's and VGG-16's dense layers, by Deep Compression's tables 4 and 5"
    return Result(KEY, title, tuple(values), (runs.note(), *NOTES))
