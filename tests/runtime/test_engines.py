"""Three engines, one meaning: the same bits, cycles, counters and account of cycles."""

from dataclasses import replace

import numpy as np
import pytest
import tvm_ffi
from hypothesis import given, settings
from hypothesis import strategies as st

import eie_backend as eie
from eie_backend import HardwareConfig, encode, simulate
from eie_backend.errors import ConfigError
from eie_backend.isa.counters import COUNTERS
from eie_backend.machine.choices import ENGINE
from eie_backend.machine.formats import LayerFormat
from eie_backend.runtime import runtime
from eie_backend.simulator.matrices import run_samples

NAMES = [counter.name for counter in COUNTERS]
OF_THE_SCAN = [
    *("cycles", "broadcasts", "ptr_reads"),
    *("spmat_reads", "entries", "padding_entries"),
]
seeds = st.integers(0, 2**32 - 1)
configs = st.builds(
    HardwareConfig,
    num_pe=st.one_of(st.integers(1, 8), st.integers(1, 70), st.sampled_from([64, 128, 1000, 1024])),
    fifo_depth=st.one_of(st.integers(2, 9), st.sampled_from([64, 65536])),
    spmat_width_bits=st.integers(1, 64).map(lambda size: 8 * size),
    codebook_bits=st.integers(2, 7),
    accumulator_bits=st.sampled_from([16, 32]),
)
densities = st.sampled_from([0.0, 0.02, 0.2, 0.7, 1.0])


def random_codes(rng, config, rows, cols, density):
    """Return codes with empty rows and columns more often than chance makes them."""
    codes = rng.integers(1, config.codebook_entries, (rows, cols)).astype(np.uint8)
    codes *= rng.random((rows, cols)) < density
    codes[rng.random(rows) < rng.choice([0.0, 0.3])] = 0
    codes[:, rng.random(cols) < rng.choice([0.0, 0.3])] = 0
    return codes


def random_matrix(rng, config, rows, cols, density, is_float):
    bias = random_codes(rng, config, rows, 1, density)[:, 0] if rng.random() < 0.5 else None
    codebook = rng.normal(size=config.codebook_entries).astype(np.float32)
    codebook[0] = 0
    matrix = encode(random_codes(rng, config, rows, cols, density), codebook, config, bias)
    if is_float:
        return matrix
    words = rng.integers(-(2**15), 2**15, config.codebook_entries) >> rng.integers(0, 12)
    words[0] = 0
    return replace(matrix, codebook=words.astype(np.int32))


def random_vector(rng, cols, density, is_float):
    """Return activations, some rows of which are empty, and -0.0, which is zero."""
    x = rng.normal(size=cols) * (rng.random(cols) < density)
    first = rng.integers(0, cols)
    x[first : first + rng.integers(0, cols + 1)] *= rng.choice([1.0, -0.0])
    return x.astype(np.float32) if is_float else (1000 * x).astype(np.int32)


def run(config, matrix, x, engine, visit_seed=0, *, threads=1, shift=0, frac_bits=3):
    """Return the output's bytes, the counters, the breakdown (category, PE), and the rest of it."""
    formats = LayerFormat(frac_bits, shift - frac_bits, 0, 0)
    sums, (counters,), (account,) = run_samples(
        matrix,
        config,
        matrix.codebook[None].copy(),
        x[None],
        [formats],
        threads=threads,
        engine=engine,
        account=True,
        visit_seed=visit_seed,
    )
    edges = np.array([*account.breakdown.values()])
    return sums[0].tobytes(), counters, edges, account.blocking, account.queue_occupancy


def assert_same(found, expected):
    assert found[:2] == expected[:2]
    for array, other in zip(found[2:], expected[2:], strict=True):
        np.testing.assert_array_equal(array, other)


def check_engines(config, matrix, x, **formats):
    event = run(config, matrix, x, "event", **formats)
    output, counters, edges, _, occupancy = event
    assert edges.sum() == occupancy.sum() == config.num_pe * counters["cycles"]
    assert (edges.sum(axis=0) == counters["cycles"]).all()
    for threads in (2, 3):  # the rows in two halves, the scan beside them
        assert_same(run(config, matrix, x, "event", threads=threads, **formats), event)
    for visit_seed in (0, 1):
        assert_same(run(config, matrix, x, "clock", visit_seed, **formats), event)
    values, counted, *account = run(config, matrix, x, "functional", **formats)
    assert values == output
    assert counted == {n: 0 if n in OF_THE_SCAN else counters[n] for n in NAMES}
    assert not any(array.any() for array in account)


def random_layer(config, seed, density, active, is_float):
    rng = np.random.default_rng(seed)
    most = 40_000 // config.num_pe  # PE edges that the clock engine has to step, roughly
    cols = int(rng.integers(1, 2 + min(most, 90)))
    rows = int(rng.integers(1, 2 + min(60 * config.num_pe, 2000)))
    matrix = random_matrix(rng, config, rows, cols, density, is_float)
    return matrix, random_vector(rng, cols, active, is_float)


@settings(max_examples=300)
@given(
    config=configs,
    seed=seeds,
    density=densities,
    active=densities,
    is_float=st.booleans(),
    shift=st.integers(-4, 20),
)
def test_engines_agree_on_any_layer(config, seed, density, active, is_float, shift):
    matrix, x = random_layer(config, seed, density, active, is_float)
    check_engines(config, matrix, x, shift=shift)


@settings(max_examples=50)
@given(config=configs, seed=seeds, visit_seed=st.integers(1, 2**32 - 1))
def test_the_order_in_which_units_are_visited_changes_nothing(config, seed, visit_seed):
    matrix, x = random_layer(config, seed, 0.3, 0.5, False)
    in_order = run(config, matrix, x, "clock", 0)
    assert_same(run(config, matrix, x, "clock", visit_seed), in_order)


@pytest.mark.parametrize("num_pe", [1, 2, 5])
@pytest.mark.parametrize("bias", [None, [0, 1, 0], [0, 0, 0]])
@pytest.mark.parametrize("x", [[0.0] * 7, [0.0, 0, 0, 0, 0, 0, 1], [1.0] * 7, [-0.0] * 7])
def test_engines_agree_on_zeros(num_pe, bias, x):
    config = HardwareConfig(num_pe=num_pe, fifo_depth=2)
    for codes in (np.zeros((3, 7), np.uint8), np.eye(3, 7, dtype=np.uint8)):
        matrix = encode(codes, [0, 1], config, bias)
        check_engines(config, matrix, np.array(x, np.float32))


def test_empty_columns_after_the_layers_end_count_for_nothing():
    """The second column's row issues the last entry; forty empty columns are popped after it."""
    config = HardwareConfig(num_pe=4, fifo_depth=64)
    codes = np.zeros((4, 44), np.uint8)
    codes[:, 1] = 1
    check_engines(config, encode(codes, [0, 1], config), np.ones(44, np.float32))


def test_alex8_on_the_clock_engine(alex8):
    config = HardwareConfig()
    encoded = encode(alex8["codes"], alex8["codebook"], config, alex8["bias_codes"])
    event, clock = (
        simulate(encoded, alex8["activations"], config, "float32", engine=engine)
        for engine in ("event", "clock")
    )
    assert clock.cycles == 7926
    assert clock.counters == event.counters
    assert clock.output.tobytes() == alex8["output_float32"].tobytes()
    for name, edges in event.breakdown.items():
        np.testing.assert_array_equal(clock.breakdown[name], edges)


# Whole programs


def reports(make_mlp, config, sizes, **options):
    x = np.random.default_rng(4).normal(size=(4, sizes[0])).astype(np.float32)
    compiled = eie.compile(eie.from_onnx(make_mlp(*sizes, batch=2)), config, **options)
    return (
        {engine: eie.profile(compiled, x, engine=engine) for engine in ENGINE.values},
        compiled,
        x,
    )


SMALL = HardwareConfig(num_pe=4, fifo_depth=3, act_registers=4, accumulator_bits=32)


@pytest.mark.parametrize("bias", ["register", "column"])
@pytest.mark.parametrize("arithmetic", ["int16", "float32"])
def test_engines_agree_on_programs_of_layers_and_tiles(make_mlp, arithmetic, bias):
    options = {"arithmetic": arithmetic, "bias": bias, "recipe": eie.Recipe(density=0.4)}
    found, compiled, x = reports(make_mlp, SMALL, (40, 30, 10), **options)
    functional, event, clock = (found[engine] for engine in ENGINE.values)
    for stepped, layer, values in zip(clock.layers, event.layers, functional.layers, strict=True):
        assert vars(stepped) == vars(layer)
        assert sum(layer.breakdown.values()) == 4 * layer.counters["cycles"] > 0
        assert sum(layer.queue_occupancy) == 4 * layer.counters["cycles"]
        for name, edges in layer.breakdown_per_pe.items():
            assert sum(edges) == layer.breakdown[name]
        assert values.counters == {n: 0 if n in OF_THE_SCAN else layer.counters[n] for n in NAMES}
        assert not any(values.breakdown.values())
    for engine, report in found.items():
        assert report.engine == engine
        assert report.outputs[0].tobytes() == event.outputs[0].tobytes()
        assert eie.run(compiled, x, engine=engine)[0].tobytes() == event.outputs[0].tobytes()


# Faults


def test_an_unknown_engine(make_mlp):
    message = "engine 'fast' is unknown; choose one of functional, event, clock"
    config = HardwareConfig(num_pe=2)
    compiled = eie.compile(eie.from_onnx(make_mlp(4, 3, batch=1)), config)
    x = np.ones((1, 4), np.float32)
    for call in (
        lambda: simulate(encode([[1]], [0, 1], config), [1], config, engine="fast"),
        lambda: eie.run(compiled, x, engine="fast"),
        lambda: eie.profile(compiled, x, engine="fast"),
    ):
        with pytest.raises(ConfigError) as error:
            call()
        assert str(error.value) == message


def test_the_runtime_knows_the_same_engines():
    runtime()
    names = ", ".join(ENGINE.values)
    with pytest.raises(ValueError, match=f"engine 'fast' is unknown; choose one of {names}"):
        tvm_ffi.get_global_func("eie.engine_start")("fast", 0, 0)
