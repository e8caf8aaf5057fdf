"""`LayerStorage`: the storage of a compressed layer, as the paper counts it and in stored bytes.

The paper (Deep Compression, tables 1 to 5) counts 32 bits per uncompressed weight. A compressed
layer has a code and a relative index per entry, fillers included, and a codebook of ``2**bits``
entries of 32 bits. Biases, code tables and headers do not count. `LayerStorage.stored_bits` counts
everything that a ``.eiez`` file stores for the layer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from math import lgamma, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import EncodingError
from eie_backend.recipe import MAX_INDEX_BITS
from eie_backend.storage import coded_tensor, sections
from eie_backend.storage.coded_tensor import MAX_VALUES, CodedTensor, code_tensor
from eie_backend.storage.layout import Stream

FLOAT_BITS = 32


@dataclass(frozen=True)
class LayerStorage:
    """The storage of a layer; every field can be summed over layers (`total`).

    Attributes
    ----------
    weights, nonzeros, values : int
        Number of weights, of non-zero weights, and of their different values.
    fillers : int
        Entries without a weight, needed where a gap is too long for an index.
    fixed_code_bits, fixed_index_bits, fixed_codebook_bits : int
        Codes, indices and codebook before Huffman coding, the paper's P+Q.
    huffman_code_bits, huffman_index_bits : int
        Both streams after Huffman coding.
    filler_code_bits, filler_index_bits : int
        The fillers' part of the two.
    entropy_code_bits, entropy_index_bits : float
        Order-0 entropy of both streams: no code with fixed symbol probabilities is shorter.
    range_coder_bits : float
        Both streams by an ideal adaptive range coder: each symbol takes minus log2 of its
        probability, estimated from the symbols before it (Laplace); no tables are needed.
    stream_bytes, table_bytes, codebook_bytes, bias_bytes, sign_bytes, header_bytes : int
        In a ``.eiez`` file: both streams, their code tables, the values, the biases in float32, the
        signs of negative zeros, and the rest.
    """

    weights: int = 0
    nonzeros: int = 0
    values: int = 0
    fillers: int = 0
    fixed_code_bits: int = 0
    fixed_index_bits: int = 0
    fixed_codebook_bits: int = 0
    huffman_code_bits: int = 0
    huffman_index_bits: int = 0
    filler_code_bits: int = 0
    filler_index_bits: int = 0
    entropy_code_bits: float = 0.0
    entropy_index_bits: float = 0.0
    range_coder_bits: float = 0.0
    stream_bytes: int = 0
    table_bytes: int = 0
    codebook_bytes: int = 0
    bias_bytes: int = 0
    sign_bytes: int = 0
    header_bytes: int = 0

    @property
    def entries(self) -> int:
        """Stored weights, fillers included."""
        return self.nonzeros + self.fillers

    @property
    def density(self) -> float:
        """Fraction of weights that are not 0."""
        return self.nonzeros / max(self.weights, 1)

    def per_entry(self, bits: float) -> float:
        """Return bits per entry, as in the paper's columns "weight bits" and "index bits"."""
        return bits / max(self.entries, 1)

    @property
    def paper_bits(self) -> int:
        """P+Q: size after pruning and sharing, as the paper counts it."""
        return self.fixed_code_bits + self.fixed_index_bits + self.fixed_codebook_bits

    @property
    def paper_huffman_bits(self) -> int:
        """P+Q+H: size after pruning, sharing and Huffman coding, as the paper counts it."""
        return self.huffman_code_bits + self.huffman_index_bits + self.fixed_codebook_bits

    def share(self, bits: float) -> float:
        """Return bits as a fraction of the float32 weights: the paper's compressed size."""
        return bits / max(FLOAT_BITS * self.weights, 1)

    def rate(self, bits: float) -> float:
        """Return the compression rate: float32 bits over `bits`."""
        return FLOAT_BITS * self.weights / max(bits, 1)

    @property
    def stored_bits(self) -> dict[str, int]:
        """All bits in a ``.eiez`` file by purpose; padding is fillers and rounding to bytes."""
        streams = self.huffman_code_bits + self.huffman_index_bits
        fillers = self.filler_code_bits + self.filler_index_bits
        return {
            "weights": self.huffman_code_bits - self.filler_code_bits,
            "indices": self.huffman_index_bits - self.filler_index_bits,
            "padding": fillers + 8 * self.stream_bytes - streams,
            "codebook": 8 * self.codebook_bytes,
            "biases": 8 * self.bias_bytes,
            "code tables": 8 * self.table_bytes,
            "zero signs": 8 * self.sign_bytes,
            "header": 8 * self.header_bytes,
        }

    @property
    def stored_bytes(self) -> int:
        """Bytes in a ``.eiez`` file."""
        return sum(self.stored_bits.values()) // 8


def measure(
    weights: NDArray[np.float32],
    bits: int | None = None,
    index_bits: int | Literal["auto"] = "auto",
    bias: NDArray[np.float32] | None = None,
) -> LayerStorage:
    """Return the storage of a layer with shared weights.

    Parameters
    ----------
    weights : ndarray of any shape, float32
        At most 255 different values beside 0.
    bits : int, optional
        Width of a code before Huffman coding; by default the narrowest for values and zero.
    index_bits : int or "auto"
        Width of a relative index, 0 to 16; "auto" minimises the layer's size.
    bias : ndarray, float32, optional
        Counted in stored bytes as float32, but not in the paper's sizes.

    Raises
    ------
    EncodingError
        If the weights have more values, or are NaN.

    Examples
    --------
    The paper's example, 16 weights of 4 clusters without pruning: 3.2 times smaller.

    >>> layer = measure(np.arange(16, dtype=np.float32) % 4, bits=2, index_bits=0)
    >>> layer.rate(layer.paper_bits)
    3.2
    """
    tensor = code_tensor(weights, index_bits)
    if tensor is None:
        raise EncodingError(
            f"weights of shape {weights.shape} have more than {MAX_VALUES} values, or are NaN; "
            "share them first"
        )
    return storage_of(tensor, bits, 0 if bias is None else bias.nbytes)


def measure_smallest(
    weights: NDArray[np.float32], bits: int, bias: NDArray[np.float32] | None = None
) -> LayerStorage:
    """Return a layer's storage with the index width that minimises the paper's P+Q+H.

    P+Q+H leaves out code tables. A ``.eiez`` file stores them, and may use a narrower index.
    """
    widths = (measure(weights, bits, width, bias) for width in range(MAX_INDEX_BITS + 1))
    return min(widths, key=lambda layer: layer.paper_huffman_bits)


def storage_of(tensor: CodedTensor, bits: int | None = None, bias_bytes: int = 0) -> LayerStorage:
    """Return the storage of a coded tensor; see `measure`."""
    layout, values = tensor.layout, tensor.codebook.size - 1
    code_bits = max(values.bit_length(), 1) if bits is None else bits
    if values > 1 << code_bits:
        raise EncodingError(f"{values} values do not fit {code_bits} bits; share with fewer")
    weights = tensor.codes.size
    entries = int(layout.codes.counts.sum())
    fillers, filler_bits = layout.fillers, [0, 0]
    if fillers:  # code 0 and the longest run
        filler_bits[0] = fillers * int(layout.codes.lengths[0])
        filler_bits[1] = fillers * int(layout.runs.lengths[-1]) if layout.index_bits else 0
    return LayerStorage(
        weights=weights,
        nonzeros=entries - fillers,
        values=values,
        fillers=fillers,
        fixed_code_bits=entries * code_bits,
        fixed_index_bits=entries * layout.index_bits,
        fixed_codebook_bits=FLOAT_BITS << code_bits,
        huffman_code_bits=layout.codes.bits,
        huffman_index_bits=layout.runs.bits,
        filler_code_bits=filler_bits[0],
        filler_index_bits=filler_bits[1],
        entropy_code_bits=entropy_bits(layout.codes),
        entropy_index_bits=entropy_bits(layout.runs),
        range_coder_bits=adaptive_bits(layout.codes) + adaptive_bits(layout.runs),
        stream_bytes=layout.codes.data_bytes + layout.runs.data_bytes,
        table_bytes=layout.codes.table_bytes + layout.runs.table_bytes,
        codebook_bytes=4 * values,
        bias_bytes=bias_bytes,
        sign_bytes=len(tensor.signs),
        header_bytes=sections.HEADER.size + sections.TENSOR.size + coded_tensor.HEADER.size,
    )


def total(layers: Iterable[LayerStorage]) -> LayerStorage:
    """Return the sum of several layers' storage."""
    return LayerStorage(*(sum(column) for column in zip(*map(astuple, layers), strict=True)))


def entropy_bits(stream: Stream) -> float:
    """Return the order-0 entropy of all symbols of a stream, in bits."""
    counts = stream.counts[stream.counts > 0]
    return float(counts @ np.log2(counts.sum() / counts))


def adaptive_bits(stream: Stream) -> float:
    """Return the bits of an ideal adaptive coder, which learns symbol frequencies while coding.

    A symbol that occurred c times among n symbols, with k different ones, has probability
    (c + 1) / (n + k). The bits are the log2 of (n + k - 1)! / ((k - 1)! c_1! ... c_k!).
    """
    n, k = int(stream.counts.sum()), stream.counts.size
    if not k:
        return 0.0
    ways = lgamma(n + k) - lgamma(k) - sum(lgamma(count + 1) for count in stream.counts.tolist())
    return ways / log(2)
