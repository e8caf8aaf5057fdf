"""What layers take: the paper's numbers, and every byte of what is stored."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from eie_backend.errors import EncodingError
from eie_backend.storage import sections
from eie_backend.storage.accounting import LayerStorage, adaptive_bits, measure, total
from eie_backend.storage.coded_tensor import code_tensor, to_bytes
from eie_backend.storage.layout import Stream


def layer(shape, density, values, seed=0):
    """Return normal weights, the largest kept, shared by the nearest of evenly spaced values.

    Linear initialisation before any iteration: as trained networks', the codes near zero are
    pruned and the rest are common near the threshold and rare at the ends.
    """
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=shape).astype(np.float32)
    threshold = np.quantile(np.abs(weights), 1 - density)
    top = np.abs(weights).max()
    kept = np.abs(weights) >= threshold
    half = values / 2
    level = np.floor((np.abs(weights) - threshold) / (top - threshold) * half).clip(0, half - 1)
    shared = np.sign(weights) * (threshold + (level + 0.5) * (top - threshold) / half)
    return np.where(kept, shared, 0).astype(np.float32)


def test_worked_example_of_the_paper():
    """Section 3.1: 16 weights, 4 clusters, 2 bits: (16 x 32) / (16 x 2 + 4 x 32) = 3.2."""
    stored = measure(np.arange(16, dtype=np.float32).reshape(4, 4) % 4, bits=2, index_bits=0)
    assert stored.paper_bits == 16 * 2 + 4 * 32
    assert stored.rate(stored.paper_bits) == 3.2


# Deep Compression, tables 2 to 4: name, shape, density, bits, index bits, index bits after Huffman,
# compressed size in percent before Huffman.
TABLES = {
    "LeNet-300-100 ip1": ((300, 784), 0.08, 6, 5, 3.7, 3.1),
    "LeNet-300-100 ip2": ((100, 300), 0.09, 6, 5, 4.3, 3.8),
    "LeNet-300-100 ip3": ((10, 100), 0.26, 6, 5, 3.2, 15.7),
    "LeNet-5 conv1": ((20, 1, 5, 5), 0.66, 8, 5, 1.5, 78.5),
    "LeNet-5 conv2": ((50, 20, 5, 5), 0.12, 8, 5, 3.9, 6.0),
    "LeNet-5 ip1": ((500, 800), 0.08, 5, 5, 4.5, 2.7),
    "LeNet-5 ip2": ((10, 500), 0.19, 5, 5, 3.7, 6.9),
    "AlexNet conv1": ((96, 3, 11, 11), 0.84, 8, 4, 1.2, 32.6),
    "AlexNet conv2": ((256, 48, 5, 5), 0.38, 8, 4, 2.3, 14.5),
    "AlexNet conv3": ((384, 256, 3, 3), 0.35, 8, 4, 2.6, 13.1),
    "AlexNet conv4": ((384, 192, 3, 3), 0.37, 8, 4, 2.5, 14.1),
    "AlexNet conv5": ((256, 192, 3, 3), 0.37, 8, 4, 2.5, 14.0),
    "AlexNet fc7": ((1024, 4096), 0.09, 5, 4, 3.7, 3.0),
    "AlexNet fc8": ((1000, 4096), 0.25, 5, 4, 3.2, 7.3),
}


@pytest.mark.parametrize("name", TABLES)
def test_as_the_papers_tables(name):
    """Random zeros of the paper's densities give the paper's sizes.

    Sizes: densities are printed in whole percent, and where gaps are random more of them need a
    filler than in trained layers, whose zeros come in runs: within 12 %. Index bits after Huffman:
    for the same reason random gaps take up to a bit more (most in ip1 of LeNet-300-100, where the
    margins of the images have no weights), and never half a bit less.
    """
    shape, density, bits, index_bits, index_huffman, percent = TABLES[name]
    weights = layer(shape, density, min(2**bits - 2, 254))
    stored = measure(weights, bits, index_bits)
    assert 100 * stored.share(stored.paper_bits) == pytest.approx(percent, rel=0.12)
    assert -0.5 < stored.per_entry(stored.huffman_index_bits) - index_huffman < 1
    assert stored.share(stored.paper_huffman_bits) < stored.share(stored.paper_bits)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0]), st.booleans())
@settings(max_examples=40)
def test_every_byte_is_counted(seed, density, negative_zeros):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 12, rng.integers(1, 5)))
    values = rng.normal(size=rng.integers(1, 256)).astype(np.float32)
    weights = rng.choice(values, shape) * (rng.random(shape) < density).astype(np.float32)
    if not negative_zeros:
        weights = weights + np.float32(0)
    bias = np.zeros(7, np.float32)
    stored = measure(weights, bias=bias)
    framed = sections.HEADER.size + sections.TENSOR.size + len(to_bytes(code_tensor(weights)))
    assert stored.stored_bytes == framed + bias.nbytes
    assert sum(stored.stored_bits.values()) == 8 * stored.stored_bytes
    assert min(stored.stored_bits.values()) >= 0
    assert stored.nonzeros == np.count_nonzero(weights)


@pytest.mark.parametrize("density", [0.02, 0.1, 0.4, 0.9])
def test_auto_is_the_smallest_width_there_is(density):
    weights = layer((40, 300), density, 14)
    every = [measure(weights, 4, width).stored_bytes for width in range(17)]
    assert measure(weights, 4, "auto").stored_bytes == min(every)


def test_the_order_is_the_better_one():
    """Columns of zeros are few and long gaps when columns are read one by one."""
    rng = np.random.default_rng(0)
    weights = rng.choice([-1, 1], (64, 64)).astype(np.float32)
    weights[:, rng.random(64) < 0.8] = 0
    assert code_tensor(weights).layout.column_major
    assert not code_tensor(np.ascontiguousarray(weights.T)).layout.column_major


def test_entropy_and_range_coder():
    """SciPy's entropy; the range coder's bound by adding up what each symbol takes."""
    weights = layer((100, 300), 0.1, 14)
    tensor = code_tensor(weights, 5)
    stored = measure(weights, 4, 5)
    counts = tensor.layout.runs.counts
    assert stored.entropy_index_bits == pytest.approx(entropy(counts, base=2) * counts.sum())
    assert stored.entropy_index_bits <= stored.huffman_index_bits
    assert stored.entropy_code_bits <= stored.huffman_code_bits
    symbols = np.random.default_rng(0).integers(0, 3, 50)
    seen, bits = np.ones(3), 0.0
    for symbol in symbols:
        bits -= np.log2(seen[symbol] / seen.sum())
        seen[symbol] += 1
    assert adaptive_bits(Stream(np.bincount(symbols), None)) == pytest.approx(bits)


def test_layers_add_up():
    parts = [measure(layer((30, 50), 0.2, 6, seed), bits) for seed, bits in ((0, 3), (1, 5))]
    both = total(parts)
    assert both.stored_bytes == sum(part.stored_bytes for part in parts)
    assert both.weights == 3000
    assert 3 < both.per_entry(both.fixed_code_bits) < 5
    assert total([]) == LayerStorage()


def test_many_values_and_narrow_codes_are_refused():
    with pytest.raises(EncodingError, match=r"shape \(300,\) have more than 255 values"):
        measure(np.arange(300, dtype=np.float32))
    with pytest.raises(EncodingError, match="5 values do not fit 2 bits"):
        measure(np.arange(6, dtype=np.float32), bits=2)
