"""Write a layer in the file format of the EIE paper authors' cycle simulator.

Their simulator reads a folder ``data``: ``act.dat`` (inputs, float32), ``arithm.dat`` (16 shared
weights, float32), and per PE ``ptr/ptrK.dat`` (column pointers, uint32) and ``spm/spmK.dat``
(entries as pairs of uint32: code, run). All sizes are compiled in, from ``src/params.h``. Columns
are the inputs padded up to a multiple of the PEs, then the bias, fed by a constant 1.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.errors import InputError
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.workloads.layer import Layer

CODEBOOK_BITS = 4
"""The only code width that the authors' simulator decodes."""


def with_bias_column(layer: Layer) -> Layer:
    """Return the layer with a bias column: the authors' simulator always broadcasts its constant 1.

    A layer without bias gets an empty column, which costs the scan as much as in their simulator.
    """
    if layer.bias_codes is not None:
        return layer
    return replace(layer, bias_codes=np.zeros(len(layer.codes), np.uint8))


def write_authors_files(layer: Layer, config: HardwareConfig, folder: Path) -> EncodedMatrix:
    """Write ``data/*`` and ``src/params.h`` into a copy of the authors' simulator.

    Parameters
    ----------
    layer : Layer
        A layer without negative inputs; the authors' simulator skips them, ours does not.
    config : HardwareConfig
        `num_pe`, `fifo_depth` and `spmat_width_bits` are compiled in; `codebook_bits` must be 4.
    folder : path
        An existing folder; files of those names are replaced.

    Returns
    -------
    EncodedMatrix
        The same layer for `simulate`, with a bias column.

    Raises
    ------
    InputError
        If the format cannot express the layer or the machine; the message lists all faults.
    """
    faults = []
    if config.codebook_bits != CODEBOOK_BITS:
        faults.append(f"codebook_bits = {config.codebook_bits}, it decodes {CODEBOOK_BITS}")
    if negative := int(np.count_nonzero(layer.activations < 0)):
        faults.append(f"{negative} inputs are negative, which it skips as zeros")
    if faults:
        raise InputError(
            f"{layer.name}: not for the authors' simulator: {'; '.join(faults)}; "
            "give non-negative inputs and a codebook of 4 bits"
        )
    encoded = with_bias_column(layer).encode(config)
    data = folder / "data"
    for part in (data / "ptr", data / "spm", folder / "src"):
        part.mkdir(parents=True, exist_ok=True)
    pointers = _pointers(encoded)
    ends = np.cumsum(encoded.entries_per_pe)[:-1]
    for k, entries in enumerate(np.split(encoded.entries, ends)):
        pairs = np.empty((entries.size, 2), "<u4")
        pairs[:, 0] = entries & (config.codebook_entries - 1)
        pairs[:, 1] = entries >> CODEBOOK_BITS
        pairs.tofile(data / "spm" / f"spm{k}.dat")
        pointers[k].tofile(data / "ptr" / f"ptr{k}.dat")
    layer.activations.astype("<f4").tofile(data / "act.dat")
    codebook = np.zeros(config.codebook_entries, "<f4")
    codebook[: encoded.codebook.size] = encoded.codebook
    codebook.tofile(data / "arithm.dat")
    (folder / "src" / "params.h").write_text(_params(encoded, config), "utf-8")
    return encoded


def _pointers(encoded: EncodedMatrix) -> NDArray[np.uint32]:
    """Return pointers with empty columns between the last input and the bias."""
    filler = -encoded.cols % encoded.num_pe
    inputs, end = encoded.pointers[:, :-1], encoded.pointers[:, -1:]
    return np.hstack([inputs, np.repeat(inputs[:, -1:], filler, axis=1), end]).astype("<u4")


def _params(encoded: EncodedMatrix, config: HardwareConfig) -> str:
    columns = -(-encoded.cols // encoded.num_pe) * encoded.num_pe
    words = -(-int(encoded.entries_per_pe.max()) // config.entries_per_word)
    sizes = {
        "NUM_PE": config.num_pe,
        "ACTRW_maxcapacity": max(encoded.rows, encoded.cols),
        "NZFETCH_buffersize": config.fifo_depth,
        "PTRVEC_num_lines": columns + 2,
        "SPMAT_unit_line": config.entries_per_word,
        "SPMAT_num_lines": max(words, 1),
        "SPMAT_index_bits": config.index_bits,
        "SPMAT_weights_bits": CODEBOOK_BITS,
        "ARITHM_codebooksize": config.codebook_entries,
        "ACT_length": encoded.cols,
    }
    lines = [f"const int {name} = {size};" for name, size in sizes.items()]
    return "\n".join(["#ifndef PARAMS", "#define PARAMS", *lines, "#endif", ""])
