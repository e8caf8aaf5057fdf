"""Around every limit of the machine, tiled and untiled programs give the same bits.

The untiled one runs on a machine with more registers and SRAM. Saturation changes nothing either:
it happens at every addition, in the same order, wherever the tiles begin.
"""

from dataclasses import replace

import numpy as np
import pytest
from tvm import relax

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.config import HardwareConfig

pytestmark = pytest.mark.filterwarnings("ignore::eie_backend.errors.SaturationWarning")

PE = 2
LARGE = HardwareConfig(num_pe=PE)
ARITHMETICS = [("float32", 16), ("int16", 16), ("int16", 32)]


def network(inputs, outputs, density, seed=0):
    """Return one layer with bias and ReLU, batch 4, large enough to saturate 16-bit sums."""
    rng = np.random.default_rng(seed)
    codebook = np.append(0, rng.normal(size=15)).astype(np.float32)
    codes = rng.integers(1, 16, (inputs, outputs)) * (rng.random((inputs, outputs)) < density)
    bias = rng.normal(size=outputs).astype(np.float32)
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((4, inputs), "float32"))
    with builder.function("main", [x]):
        product = builder.emit(relax.op.matmul(x, relax.const(codebook[codes])), "fc")
        shifted = builder.emit(relax.op.add(product, relax.const(bias)))
        builder.emit_func_output(builder.emit(relax.op.nn.relu(shifted)))
    return builder.get()


@pytest.fixture
def tiles(request):
    """Return what compares a small with the large machine, and returns the small one's tiles.

    With each change, a limit by itself is passed in the arithmetic whose sums tell orders apart.
    """

    def compare(inputs, outputs, config, bias, density=1.0, arithmetics=ARITHMETICS[1:2]):
        if request.config.getoption("--nightly"):
            arithmetics = ARITHMETICS
        mod = network(inputs, outputs, density)
        x = np.random.default_rng(1).normal(size=(4, inputs)).astype(np.float32) * 20
        for arithmetic, accumulator_bits in arithmetics:
            results = []
            for machine in (config, LARGE):
                sized = replace(machine, accumulator_bits=accumulator_bits)
                executable = eie.compile(mod, sized, arithmetic=arithmetic, bias=bias)
                results.append(eie.run(executable, x)[0].tobytes())
                if machine is config:
                    (program,) = programs(executable)
            assert results[0] == results[1], (arithmetic, accumulator_bits)
        return [(matrix.rows, matrix.cols) for matrix in program.matrices]

    return compare


@pytest.mark.parametrize(("outputs", "rows"), [(7, [7]), (8, [8]), (9, [8, 1])])
@pytest.mark.parametrize("bias", ["register", "column"])
def test_destination_registers(outputs, rows, bias, tiles):
    config = replace(LARGE, act_registers=4)
    assert tiles(5, outputs, config, bias) == [(count, 5) for count in rows]


@pytest.mark.parametrize(("inputs", "cols"), [(7, [7]), (8, [8]), (9, [8, 1])])
@pytest.mark.parametrize("bias", ["register", "column"])
def test_source_registers(inputs, cols, bias, tiles):
    config = replace(LARGE, act_registers=4)
    assert tiles(inputs, 5, config, bias) == [(5, count) for count in cols]


@pytest.mark.parametrize(("inputs", "cols"), [(7, [7]), (8, [8]), (9, [8, 1])])
def test_pointer_sram(inputs, cols, tiles):
    config = replace(LARGE, ptr_sram_bytes=2 * (8 + 1))  # one pointer more than columns
    assert tiles(inputs, 5, config, "register") == [(5, count) for count in cols]


@pytest.mark.parametrize(("inputs", "cols"), [(6, [6]), (7, [6, 1]), (8, [8]), (9, [8, 1])])
def test_pointer_sram_with_a_bias_column(inputs, cols, tiles):
    # 8 inputs and the bias take 9 columns; 7 inputs fill whole rows of activations only with 8.
    pointers = 10 if inputs > 7 else 8
    config = replace(LARGE, ptr_sram_bytes=2 * pointers)
    assert tiles(inputs, 5, config, "column") == [(5, count) for count in cols]


# Eight outputs on two PEs, all weights kept: a column takes four entries of each PE. Blocks start
# at whole rows of activations, here two inputs.


@pytest.mark.parametrize(("inputs", "cols"), [(15, [15]), (16, [16]), (17, [16, 1])])
def test_weight_sram(inputs, cols, tiles):
    config = replace(LARGE, spmat_sram_bytes=64)
    assert tiles(inputs, 8, config, "register") == [(8, count) for count in cols]


@pytest.mark.parametrize(("inputs", "cols"), [(14, [14]), (15, [15]), (16, [14, 2])])
def test_weight_sram_with_a_bias_column(inputs, cols, tiles):
    config = replace(LARGE, spmat_sram_bytes=64)
    assert tiles(inputs, 8, config, "column") == [(8, count) for count in cols]


@pytest.mark.parametrize(("inputs", "cols"), [(14, [14]), (15, [15]), (16, [14, 2])])
def test_pointer_width(inputs, cols, tiles):
    config = replace(LARGE, ptr_bits=6)  # a pointer reaches 63 entries
    assert tiles(inputs, 8, config, "register") == [(8, count) for count in cols]


@pytest.mark.parametrize("bias", ["register", "column"])
@pytest.mark.parametrize("density", [0.1, 0.5])
def test_all_limits_at_once(bias, density, tiles):
    config = replace(LARGE, act_registers=6, ptr_sram_bytes=22, spmat_sram_bytes=64)
    assert len(tiles(40, 31, config, bias, density, ARITHMETICS)) > 9
