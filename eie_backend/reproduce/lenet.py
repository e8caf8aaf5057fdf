"""Deep Compression's tables 1 to 3: the LeNets, from committed results and the shipped files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import as_file, files
from typing import Any

from onnx import numpy_helper

from eie_backend.reproduce.published import deep_compression
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import Runs
from eie_backend.storage.accounting import (
    FLOAT_BITS,
    LayerStorage,
    measure,
    measure_smallest,
    total,
)
from eie_backend.storage.container import read_eiez

DATA = files("eie_backend") / "data"
TITLES = {"lenet_300_100": "LeNet-300-100", "lenet_5": "LeNet-5"}

AS_PAPER, AS_FLOAT, AS_PAPERS_FLOAT = "as the paper", "float error", "paper error"
"""Rows of the committed results; the package ships the second; the third has the paper's error."""

INDEX_BITS = 5
"""Index bits of both networks in the paper."""

COLUMNS = {
    "weights": "",
    "density": "%",
    "weight bits": "",
    "weight bits H": "",
    "index bits": "",
    "index bits H": "",
    "P+Q": "%",
    "P+Q+H": "%",
}
"""Columns of the paper's layer tables, in order, with their units."""

NOTES = (
    "Errors and sizes are committed results of `benchmarks/lenet.py`, which trains for minutes; "
    '"shipped file" is measured now, and a test compares it with them.',
    "P is pruning, Q sharing, H Huffman coding. Sizes are counted as the paper does: fillers and a "
    "codebook of 32-bit values, no biases, code tables or headers.",
    "Indices are as wide as is best after Huffman coding, which makes wide ones nearly free: no "
    "fillers, but a larger P+Q than with the paper's 5 bits.",
)
CONTRADICTIONS = {
    "lenet_300_100": "The paper's total of 5.1 weight bits after Huffman coding is above each of "
    "its layers (4.3 to 4.4), whose mean it should be.",
    "lenet_5": "The paper's total of 4.1 weight bits after Huffman coding is below each of its "
    "layers (4.5 to 7.2), and ip2's 5.2 bits are more than the 5 it began with.",
}


def reproduce(network: str, _runs: Runs) -> Result:
    """Return every row of a network's committed results, with the paper's numbers."""
    paper, found = deep_compression()[network], committed(network)
    float_error, (paper_float_error, _) = found["float_error_percent"], paper["errors"]
    values = [Value("float network", "test error", "%", float_error, paper_float_error)]
    for name, row in found["rows"].items():
        values += _whole(name, row, float_error, paper)
    values += _shipped(network, paper)
    for name, row in found["rows"].items():
        values += _layers(name, row, paper if name == AS_PAPER else None)
    title = f"{TITLES[network]} compressed, by Deep Compression's tables"
    return Result(network, title, tuple(values), (*NOTES, CONTRADICTIONS[network]))


def committed(network: str) -> dict[str, Any]:
    """Return the committed results of a network."""
    loaded: dict[str, Any] = json.loads((DATA / f"{network}.json").read_text("utf-8"))
    return loaded


def shipped(network: str, index_bits: int | None = None) -> dict[str, LayerStorage]:
    """Return the storage of the shipped file's layers, with the code bits of its row of results.

    Indices have `index_bits`, or the width that `measure_smallest` finds.
    """
    bits = committed(network)["rows"][AS_FLOAT]["recipe"]["bits"]
    with as_file(DATA / f"{network}.eiez") as path:
        tensors = read_eiez(path).model.graph.initializer
    weights = {
        tensor.name.removesuffix(".weight"): numpy_helper.to_array(tensor)
        for tensor in tensors
        if tensor.name.endswith(".weight")
    }
    return {
        name: measure_smallest(one, bits) if index_bits is None else measure(one, bits, index_bits)
        for name, one in weights.items()
    }


def _whole(
    name: str, row: dict[str, Any], float_error: float, paper: dict[str, Any]
) -> Iterator[Value]:
    """Yield compression rates, size and errors of a whole network."""
    (p_float, p_error), stored = paper["errors"], row["layers"]["all"]
    plain, error = stored["paper_rate_without_huffman"], row["test_error_percent"]
    yield Value(name, "rate P+Q", "x", plain, paper["rates"][0])
    yield _rate(name, row["paper_rate"], paper)
    yield Value(name, "size P+Q+H", "kB", stored["paper_bits"] / 8000, paper["sizes"][1])
    # Both limits are a float network's error: the paper's, and our own.
    limit = p_float / p_error - 1
    why = f"no higher than {p_float:.2f} %, the error of the paper's float network"
    yield Value(name, "test error", "%", error, p_error, limit, why, "at_most")
    asserted = name != AS_PAPERS_FLOAT
    why = "no higher than 1" if asserted else "may reach the error of the paper's float network"
    tolerance = limit if asserted else None
    times = error / float_error
    yield Value(name, "error / float's", "", times, p_error / p_float, tolerance, why, "at_most")
    yield Value(name, "error on the machine", "%", row["machine"]["test_error_percent"])


def _layers(name: str, row: dict[str, Any], paper: dict[str, Any] | None) -> Iterator[Value]:
    """Yield the columns of each layer and of the total; other densities have no paper value."""
    printed = [None] * len(row["layers"]) if paper is None else paper["layers"].values()
    for (layer, stored), numbers in zip(row["layers"].items(), printed, strict=True):
        theirs = [None] * len(COLUMNS) if numbers is None else [float(one) for one in numbers]
        ours = _columns(stored, row)
        for (quantity, unit), one, its in zip(COLUMNS.items(), ours, theirs, strict=True):
            yield Value(f"{name}, {layer}", quantity, unit, one, its)


def _shipped(network: str, paper: dict[str, Any]) -> Iterator[Value]:
    """Yield compression rates of the shipped file, with the best and the paper's index width."""
    best, like_paper = (total(shipped(network, width).values()) for width in (None, INDEX_BITS))
    yield _rate("shipped file", best.rate(best.paper_huffman_bits), paper)
    name = f"shipped file, {INDEX_BITS}-bit indices"
    yield Value(name, "rate P+Q", "x", like_paper.rate(like_paper.paper_bits), paper["rates"][0])
    yield _rate(name, like_paper.rate(like_paper.paper_huffman_bits), paper)


def _rate(name: str, rate: float, paper: dict[str, Any]) -> Value:
    why = "as small as the paper's, or smaller"
    return Value(name, "rate P+Q+H", "x", rate, paper["rates"][1], 0.0, why, "at_least")


def _columns(stored: dict[str, Any], row: dict[str, Any]) -> list[float]:
    """Return the numbers of a layer, or of the total, in the order of `COLUMNS`."""
    bits, layers = row["recipe"]["bits"], 1
    if stored is row["layers"]["all"]:
        layers = len(row["layers"]) - 1
    entries = stored["nonzeros"] + stored["fillers"]
    fixed = FLOAT_BITS * stored["weights"] / stored["paper_rate_without_huffman"]
    index_bits = (fixed - layers * (FLOAT_BITS << bits)) / entries - bits
    return [
        stored["weights"],
        stored["density_percent"],
        bits,
        stored["code_bits_huffman"],
        # The paper's rate is rounded; a layer's width is an integer.
        round(index_bits, 0 if layers == 1 else 1),
        stored["index_bits_huffman"],
        100 / stored["paper_rate_without_huffman"],
        100 * stored["paper_bits"] / (FLOAT_BITS * stored["weights"]),
    ]
