"""The C++ machine against the reference interpreter, a stepped timing model and malformed bytes."""

import re
import struct
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import tvm_ffi
from hypothesis import given, settings
from hypothesis import strategies as st

from eie_backend._register import load_runtime
from eie_backend.config import HardwareConfig
from eie_backend.encoding import encode
from eie_backend.isa.counters import COUNTERS
from eie_backend.isa.image import HEADER_BYTES, encode_image, encode_matrix
from eie_backend.isa.interpreter import interpret
from eie_backend.isa.program import Program, Step

NAMES = [counter.name for counter in COUNTERS]
PIPELINE_EDGES = 6
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", autouse=True)
def runtime():
    load_runtime()


def call(name, *arguments):
    return tvm_ffi.get_global_func(name)(*arguments)


def load_image(image):
    return call("ffi.Module.load_from_bytes.eie", image)


def run_image(image, symbol, samples, outputs):
    out = np.full((len(samples), outputs), 7, np.float32)
    x = np.ascontiguousarray(samples, np.float32)
    load_image(image)[symbol](tvm_ffi.from_dlpack(x), tvm_ffi.from_dlpack(out))
    return out


def profile(run):
    call("eie.profile_start")
    try:
        run()
    finally:
        rows = call("eie.profile_stop")
    return [
        {**row, "counters": dict(zip(NAMES, map(int, row["counters"]), strict=True))}
        for row in rows
    ]


def run_matrix(config, matrix, x, shift=0, frac_bits=0):
    is_float = x.dtype == np.float32
    words = list(config.to_dict().values())
    run = call("eie.load_matrix", words, encode_matrix(matrix), is_float)
    out = np.full(matrix.rows, 7, x.dtype)
    formats, values = np.array([shift, frac_bits], np.int32), np.zeros(len(NAMES), np.int64)
    tensors = [matrix.codebook.copy(), x, out, formats, values]
    run(*map(tvm_ffi.from_dlpack, tensors), None, 1, "event", 0)
    return out, dict(zip(NAMES, values.tolist(), strict=True))


# Alex-8


@pytest.mark.parametrize(("fifo_depth", "cycles"), [(2, 10194), (8, 7926), (16, 7794)])
def test_alex8_equals_the_authors_simulator(alex8, fifo_depth, cycles):
    config = HardwareConfig(fifo_depth=fifo_depth)
    matrix = encode(alex8["codes"], alex8["codebook"], config, alex8["bias_codes"])
    out, counters = run_matrix(config, matrix, alex8["activations"])
    assert counters["cycles"] == cycles
    assert counters["ptr_reads"] == 112640
    assert counters["spmat_reads"] == 100900
    assert counters["entries"] == 453748
    assert out.tobytes() == alex8["output_float32"].tobytes()


# Values


def random_codes(rng, rows, cols, codebook_size):
    density = rng.choice([0.02, 0.2, 0.8])
    codes = rng.integers(1, codebook_size, (rows, cols)).astype(np.uint8)
    return codes * (rng.random((rows, cols)) < density)


def random_matrix(rng, config, rows, cols, is_float):
    size = int(rng.integers(2, config.codebook_entries + 1))
    codebook = rng.normal(size=size).astype(np.float32)
    codebook[0] = 0
    bias = random_codes(rng, rows, 1, size)[:, 0] if rng.random() < 0.5 else None
    matrix = encode(random_codes(rng, rows, cols, size), codebook, config, bias)
    if is_float:
        return matrix
    words = rng.integers(-(2**15), 2**15, config.codebook_entries) >> rng.integers(0, 12)
    words[0] = 0
    return replace(matrix, codebook=words.astype(np.int32))


def random_config(rng):
    return HardwareConfig(
        num_pe=int(rng.integers(1, 17)),
        fifo_depth=int(rng.integers(2, 9)),
        spmat_width_bits=8 * int(rng.integers(1, 17)),
        act_sram_bytes=512,
        act_registers=48,
        codebook_bits=int(rng.integers(2, 8)),
        accumulator_bits=int(rng.choice([16, 32])),
        dram_bytes_per_cycle=int(rng.integers(1, 17)),
    )


def random_program(rng):
    config = random_config(rng)
    is_float = bool(rng.random() < 0.4)
    sizes = rng.integers(1, 41, rng.integers(2, 4)).tolist()
    frac_bits = int(rng.integers(-2, 16))
    before, after = (int(extra) for extra in rng.integers(0, 4, 2))
    load = {"src": before, "dst_row": 0, "count": sizes[0], "frac_bits": frac_bits}
    steps = [Step("load_act", load, 0)]
    setup, matrices, biases, row = [], [], [], 0
    resident = rng.random() < 0.5
    for layer, (cols, rows) in enumerate(pairwise(sizes)):
        (setup if resident else steps).append(Step("load_matrix", {"matrix": layer}, layer))
        matrices.append(random_matrix(rng, config, rows, cols, is_float))
        if rng.random() < 0.5:
            steps.append(Step("load_bias", {"bias": len(biases)}, layer))
            bits = config.accumulator_bits - 1
            integers = rng.integers(-(2**bits), 2**bits, rows) >> rng.integers(0, bits)
            floats = rng.normal(size=rows).astype(np.float32)
            biases.append(floats if is_float else integers.astype(np.int32))
        else:
            steps.append(Step("clear", {}, layer))
        mvm = {
            "matrix": layer,
            "src_row": row,
            "shift": int(rng.integers(-12, 40)),
            "frac_bits": int(rng.integers(0, 16)),
        }
        row += -(-cols // config.num_pe)
        write_back = {
            "dst_row": row,
            "count": rows,
            "relu": int(rng.integers(2)),
            "shift": int(rng.integers(-20, 33)),
        }
        steps += [Step("mvm", mvm, layer), Step("write_back", write_back, layer)]
    store = {"src_row": row, "dst": after, "count": sizes[-1], "frac_bits": int(rng.integers(20))}
    return Program(
        symbol="f",
        config=config,
        arithmetic="float32" if is_float else "int16",
        inputs=before + sizes[0],
        outputs=after + sizes[-1] + 1,
        layers=tuple(f"layer{i}" for i in range(len(matrices))),
        matrices=tuple(matrices),
        biases=tuple(biases),
        setup=tuple(setup),
        steps=(*steps, Step("store_act", store, len(matrices) - 1)),
    )


def random_samples(rng, count, width):
    samples = rng.normal(size=(count, width)).astype(np.float32) * rng.choice([0.1, 1.0, 1e5])
    samples *= rng.random(samples.shape) < 0.6
    return samples.astype(np.float32)


@settings(max_examples=300)
@given(seed=seeds)
def test_programs_equal_the_reference_interpreter(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    samples = random_samples(rng, 3, program.inputs)
    if program.arithmetic == "int16":
        special = rng.choice([np.nan, np.inf, -np.inf, 0.5, -0.0, 3e38, 1e-40], program.inputs)
        samples[2] = special
    expected, saturations = interpret(program, samples)
    outputs = []
    rows = profile(
        lambda: outputs.append(run_image(encode_image(program), "f", samples, program.outputs))
    )
    assert outputs[0].tobytes() == expected.tobytes()
    total = {name: sum(row["counters"][name] for row in rows) for name in NAMES}
    counted = total["input_saturations"] + total["accumulator_saturations"]
    assert counted + total["output_saturations"] == saturations


def test_a_saturation_is_counted_where_it_happens():
    config = HardwareConfig(num_pe=2, accumulator_bits=16)
    matrix = replace(
        encode([[1], [2]], [0, 1, 2], config),
        codebook=np.array([0, 1000, 1] + [0] * 13, np.int32),
    )
    x = np.array([100], np.int32)
    out, counters = run_matrix(config, matrix, x)
    assert out.tolist() == [32767, 100]
    assert counters["accumulator_saturations"] == 1


@pytest.mark.parametrize("shift", [-40, 62])
@pytest.mark.parametrize("x", [-(2**31), 2**31 - 1])
def test_extreme_shifts_saturate_like_exact_integers(shift, x):
    config = HardwareConfig(num_pe=1, accumulator_bits=32)
    matrix = replace(
        encode([[1], [2]], [0, 1, 2], config),
        codebook=np.array([0, -(2**31), 2**31 - 1] + [0] * 13, np.int32),
    )
    out, _ = run_matrix(config, matrix, np.array([x], np.int32), shift)
    products = [-(2**31) * x, (2**31 - 1) * x]
    exact = [round(p / 2**62) if shift == 62 else p * 2**40 for p in products]
    assert out.tolist() == [min(max(e, -(2**31)), 2**31 - 1) for e in exact]


# Timing


def stepped_scan(config, matrix, active):
    """Step the machine of the microarchitecture page edge by edge; return its counters."""
    num_pe = config.num_pe
    lengths = np.diff(matrix.pointers.astype(np.int64), axis=1)
    rows = [
        [r * num_pe + k for k in range(num_pe) if r * num_pe + k < matrix.cols]
        for r in range(-(-matrix.cols // num_pe))
    ]
    scan = [[(c % num_pe, c) for c in row if active[c]] for row in rows]
    if matrix.has_bias_column:
        scan.append([(0, matrix.cols)])
    queues = [deque() for _ in range(num_pe)]
    issuing = [(0, 0)] * num_pe  # next entry, entries left
    held = [None] * num_pe
    counters = dict.fromkeys(
        ("broadcasts", "ptr_reads", "spmat_reads", "entries", "padding_entries"), 0
    )
    entered, waiting, pending = 1, scan[1:], list(scan[0])
    last_issue, edge = None, 1
    mask = (1 << config.codebook_bits) - 1
    base = np.concatenate([[0], np.cumsum(matrix.entries_per_pe.astype(np.int64))])
    while True:
        edge += 1
        full = any(len(queue) == config.fifo_depth - 1 for queue in queues)
        for k, queue in enumerate(queues):  # pops see what was pushed before this edge
            at, left = issuing[k]
            if not left and queue:
                column = queue.popleft()
                counters["ptr_reads"] += 1
                at, left = int(matrix.pointers[k, column]), int(lengths[k, column])
            if left:
                word = at // config.entries_per_word
                counters["spmat_reads"] += word != held[k]
                held[k] = word
                counters["entries"] += 1
                counters["padding_entries"] += int(matrix.entries[base[k] + at] & mask == 0)
                last_issue = edge
                at, left = at + 1, left - 1
            issuing[k] = at, left
        broadcast = None
        if pending and edge > entered and not full:
            broadcast = pending.pop(0)
            counters["broadcasts"] += 1
            for queue in queues:
                queue.append(broadcast[1])
        row_done = not pending and (broadcast is None or broadcast[0] == num_pe - 1)
        if row_done and waiting:
            entered, pending = edge, list(waiting.pop(0))
        elif not (waiting or pending or any(queues) or any(left for _, left in issuing)):
            break
    counters["cycles"] = (entered if last_issue is None else last_issue) + PIPELINE_EDGES
    return counters


def check_timing(config, matrix, x):
    _, counters = run_matrix(config, matrix, x)
    expected = stepped_scan(config, matrix, x != 0)
    assert {name: counters[name] for name in expected} == expected


@settings(max_examples=300)
@given(seed=seeds)
def test_timing_equals_the_machine_stepped_edge_by_edge(seed):
    rng = np.random.default_rng(seed)
    config = random_config(rng)
    rows, cols = rng.integers(1, [400, 80])
    matrix = random_matrix(rng, config, rows, cols, True)
    active = rng.random(cols) < rng.choice([0.0, 0.05, 0.4, 1.0])
    check_timing(config, matrix, active.astype(np.float32))


@pytest.mark.parametrize("num_pe", [1, 3])
@pytest.mark.parametrize("x", [[0.0] * 7, [0.0, 0, 0, 0, 0, 0, 1], [1.0] * 7])
@pytest.mark.parametrize("bias", [None, [0, 1], [0, 0]])
def test_timing_of_empty_columns_and_rows(num_pe, x, bias):
    codes = np.zeros((2, 7), np.uint8)
    codes[1, 2] = 1
    config = HardwareConfig(num_pe=num_pe, fifo_depth=2)
    check_timing(config, encode(codes, [0, 1], config, bias), np.array(x, np.float32))


def test_a_scan_without_an_entry_takes_its_last_row_and_the_pipeline():
    config = HardwareConfig(num_pe=4)
    matrix = encode(np.ones((4, 12), np.uint8), [0, 1], config)
    _, counters = run_matrix(config, matrix, np.zeros(12, np.float32))
    assert counters["cycles"] == 3 + PIPELINE_EDGES


# Transfers, layers and batches


def test_transfers_are_counted_beside_cycles():
    rng = np.random.default_rng(1)
    program = random_program(rng)
    while program.setup or not program.biases:
        program = random_program(rng)
    config = program.config
    samples = random_samples(rng, 2, program.inputs)
    rows = profile(lambda: run_image(encode_image(program), "f", samples, program.outputs))
    assert [row["layer"] for row in rows] == ["", *program.layers]
    assert rows[0]["counters"]["load_bytes"] == 0
    sizes = [m.storage_bytes(config) for m in program.matrices]
    sizes += [b.size * config.accumulator_bits // 8 for b in program.biases]
    loaded, stored = (program.steps[i].operands["count"] for i in (0, -1))
    sizes += [2 * loaded, 2 * stored]
    cycles = [-(-size // config.dram_bytes_per_cycle) for size in sizes]
    assert sum(row["counters"]["load_bytes"] for row in rows) == 2 * sum(sizes)
    assert sum(row["counters"]["load_cycles"] for row in rows) == 2 * sum(cycles)
    written = loaded + sum(m.rows for m in program.matrices)
    read = stored + sum(m.cols for m in program.matrices)
    assert sum(row["counters"]["act_writes"] for row in rows) == 2 * written
    assert sum(row["counters"]["act_reads"] for row in rows) == 2 * read


def test_setup_is_its_own_row_and_samples_have_extremes():
    rng = np.random.default_rng(2)
    program = random_program(rng)
    while not program.setup:
        program = random_program(rng)
    module = load_image(encode_image(program))
    samples = random_samples(rng, 4, program.inputs)
    out = np.zeros((1, program.outputs), np.float32)

    def run():
        for sample in samples:
            module["f"](tvm_ffi.from_dlpack(sample.copy()), tvm_ffi.from_dlpack(out))

    setup, *layers = profile(run)
    assert setup["samples"] == 0
    stored = sum(m.storage_bytes(program.config) for m in program.matrices)
    assert setup["counters"]["load_bytes"] == stored
    for row in layers:
        assert row["samples"] == 4
        assert 4 * row["min_cycles"] <= row["counters"]["cycles"] <= 4 * row["max_cycles"]


def test_an_idle_recorder_returns_nothing():
    assert list(call("eie.profile_stop")) == []


def test_the_image_comes_back_and_unknown_functions_do_not():
    program = random_program(np.random.default_rng(3))
    image = encode_image(program)
    module = load_image(image)
    assert module["__eie_image__"]() == image
    assert not module.implements_function("g")
    assert module.kind == "eie"


# Faults


def small_program():
    config = HardwareConfig(num_pe=2, spmat_sram_bytes=64, act_sram_bytes=64)
    codes = np.array([[1, 0, 3], [0, 2, 0], [0, 0, 1], [3, 1, 0]], np.uint8)
    matrix = encode(codes, [0, 1, -1, 2], config, [0, 1, 0, 2])
    act = {"count": 3, "frac_bits": 4}
    return Program(
        symbol="f",
        config=config,
        arithmetic="int16",
        inputs=3,
        outputs=4,
        layers=("a",),
        matrices=(replace(matrix, codebook=matrix.codebook.astype(np.int32)),),
        biases=(np.arange(4, dtype=np.int32),),
        setup=(Step("load_matrix", {"matrix": 0}, 0),),
        steps=(
            Step("load_act", {"src": 0, "dst_row": 0, **act}, 0),
            Step("load_bias", {"bias": 0}, 0),
            Step("mvm", {"matrix": 0, "src_row": 0, "shift": 0, "frac_bits": 4}, 0),
            Step("write_back", {"dst_row": 2, "count": 4, "relu": 1, "shift": 0}, 0),
            Step("store_act", {"src_row": 2, "dst": 0, "count": 4, "frac_bits": 4}, 0),
        ),
    )


def with_step(index, **operands):
    steps = list(small_program().steps)
    steps[index] = replace(steps[index], operands={**steps[index].operands, **operands})
    return replace(small_program(), steps=tuple(steps))


def with_matrix(**fields):
    program = small_program()
    return replace(program, matrices=(replace(program.matrices[0], **fields),))


def with_config(**sizes):
    return replace(small_program(), config=replace(small_program().config, **sizes))


def with_setup(*steps):
    return replace(small_program(), setup=steps)


WIDE = encode(np.ones((1, 40), np.uint8), [0, 1], HardwareConfig(num_pe=2))
POINTERS = small_program().matrices[0].pointers
ENTRIES = small_program().matrices[0].entries


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (with_step(2, matrix=7), "instruction 2 (mvm of a): matrix = 7, the image has 1"),
        (with_step(1, bias=1), "instruction 1 (load_bias of a): bias = 1, the image has 1"),
        (with_step(0, count=4), "instruction 0 (load_act of a): count = 4, allowed is 0..3"),
        (with_step(0, dst_row=31), "instruction 0 (load_act of a): dst_row = 31, allowed is 0..30"),
        (with_step(0, frac_bits=65), "frac_bits = 65, allowed is -64..64"),
        (with_step(2, src_row=31), "instruction 2 (mvm of a): src_row = 31, allowed is 0..30"),
        (with_step(2, shift=63), "instruction 2 (mvm of a): shift = 63, allowed is -40..62"),
        (with_step(2, frac_bits=31), "instruction 2 (mvm of a): frac_bits = 31, allowed is 0..30"),
        (with_step(3, count=129), "(write_back of a): count = 129, allowed is 0..128"),
        (with_step(3, dst_row=31), "(write_back of a): dst_row = 31, allowed is 0..30"),
        (with_step(3, shift=-41), "(write_back of a): shift = -41, allowed is -40..62"),
        (with_step(4, count=5), "(store_act of a): count = 5, allowed is 0..4"),
        (with_step(0, src=1), "instruction 0 (load_act of a): src = 1, allowed is 0..0"),
        (with_step(4, dst=1), "instruction 4 (store_act of a): dst = 1, allowed is 0..0"),
        (with_step(4, src_row=31), "(store_act of a): src_row = 31, allowed is 0..30"),
        (with_setup(), "instruction 2 (mvm of a): matrix 0 is not loaded"),
        (with_setup(Step("clear", {}, 0)), "setup instruction 0 (clear of a): only load_matrix"),
        (with_setup(Step("load_matrix", {"matrix": 0}, 1)), "layer = 1, the image has 1"),
        (with_config(act_registers=1), "(load_matrix of a): rows = 4, allowed is 1..2"),
        (with_config(ptr_sram_bytes=8), "pointers of a PE = 5, allowed is 2..4"),
        (replace(with_config(ptr_bits=4), matrices=(WIDE,)), "entries of a PE = 40, allowed is"),
        (replace(small_program(), inputs=0), "inputs = 0, at least 1 is needed"),
        (replace(small_program(), outputs=0), "outputs = 0, at least 1 is needed"),
        (with_matrix(rows=0), "matrix rows = 0, allowed is 1..16777216"),
        (with_matrix(cols=0), "matrix cols = 0, allowed is 1..16777216"),
        (with_matrix(pointers=POINTERS + np.uint32(1)), "PE 0: first pointer is 1, not 0"),
        (with_matrix(pointers=POINTERS[:, ::-1] * [0, 1, 1, 1, 1]), "follows"),
        (with_matrix(entries=ENTRIES[:-1]), "entries, but the pointers end at"),
        (with_matrix(entries=ENTRIES & 0xF0), "is not a padding"),
        (with_matrix(entries=ENTRIES | 0xF0), "is past the last row"),
        (with_matrix(codebook=np.ones(16, np.int32)), "codebook entry 0 is not 0"),
        (
            with_matrix(codebook=np.arange(16, dtype=np.int32) * 10000),
            "codebook word = 40000, allowed is -32768..32767",
        ),
        (
            replace(with_config(accumulator_bits=16), biases=(np.full(4, 32768, np.int32),)),
            "bias value = 32768, allowed is -32768..32767",
        ),
        (
            replace(small_program(), biases=(np.zeros(129, np.int32),)),
            "length of the bias = 129, allowed is 0..128",
        ),
    ],
)
def test_an_impossible_program_is_refused(program, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_image(encode_image(program))


def two_matrices(**sizes):
    program = with_config(**sizes)
    return replace(
        program,
        matrices=program.matrices * 2,
        setup=tuple(Step("load_matrix", {"matrix": i}, 0) for i in range(2)),
    )


def test_resident_matrices_share_the_weight_sram_in_whole_words():
    word = {"spmat_width_bits": 256, "spmat_sram_bytes": 64}  # 32 bytes: one word per matrix
    load_image(encode_image(two_matrices(**word)))
    with pytest.raises(ValueError, match="weight SRAM bytes of all matrices in a PE = 128"):
        load_image(encode_image(two_matrices(**{**word, "spmat_width_bits": 512})))


def test_resident_matrices_share_the_pointer_sram():
    load_image(encode_image(two_matrices(ptr_sram_bytes=20)))
    with pytest.raises(ValueError, match=r"of all matrices in a PE = 10, allowed is 0\.\.9"):
        load_image(encode_image(two_matrices(ptr_sram_bytes=19)))


def test_a_streamed_matrix_replaces_the_one_before_it():
    program = two_matrices()
    loads, (*before, _, _, _) = program.setup, program.steps
    mvm = program.steps[2]
    load_image(encode_image(replace(program, setup=(), steps=(*before, loads[0], mvm))))
    steps = (*before, *loads, mvm)
    with pytest.raises(ValueError, match="matrix 0 is not loaded"):
        load_image(encode_image(replace(program, setup=(), steps=steps)))


def test_every_truncation_is_refused():
    image = encode_image(small_program())
    for size in range(len(image)):
        with pytest.raises(ValueError, match="image: "):
            load_image(image[:size])
        if size >= HEADER_BYTES:
            with pytest.raises(ValueError, match="image: "):
                load_image(with_checksum(image[:size]))


def test_every_changed_byte_is_refused():
    image = encode_image(small_program())
    for at in range(len(image)):
        for change in (1, 0x80, 0xFF):
            altered = bytearray(image)
            altered[at] ^= change
            with pytest.raises(ValueError, match="image: "):
                load_image(bytes(altered))


def with_checksum(image):
    body = image[HEADER_BYTES:]
    return image[: HEADER_BYTES - 4] + struct.pack("<I", zlib.crc32(body)) + body


def load_and_run(image):
    """Run the image if it is accepted; return whether it was."""
    try:
        module = load_image(image)
    except ValueError:
        return False
    inputs_at = HEADER_BYTES + 4 + 12 * 4 + 4
    inputs, outputs, _, size = struct.unpack_from("<4I", image, inputs_at)
    symbol = image[inputs_at + 16 : inputs_at + 16 + size].decode()
    if max(inputs, outputs) > 1 << 16:
        return True
    x = tvm_ffi.from_dlpack(np.ones(inputs, np.float32))
    profile(lambda: module[symbol](x, tvm_ffi.from_dlpack(np.zeros(outputs, np.float32))))
    return True


def test_no_single_byte_with_a_valid_checksum_crashes():
    image = encode_image(small_program())
    accepted = 0
    for at in range(HEADER_BYTES, len(image)):
        for value in (0, 1, 0x7F, 0x80, 0xFF, image[at] ^ 1, image[at] ^ 16):
            altered = bytearray(image)
            altered[at] = value
            accepted += load_and_run(with_checksum(bytes(altered)))
    assert accepted > 100


@settings(max_examples=300)
@given(seed=seeds, changes=st.integers(1, 4))
def test_no_random_bytes_with_a_valid_checksum_crash(seed, changes):
    rng = np.random.default_rng(seed)
    altered = bytearray(encode_image(random_program(rng)))
    for at in rng.integers(HEADER_BYTES, len(altered), changes):
        altered[at] = rng.choice([0, 1, 127, 128, 255, altered[at] ^ (1 << rng.integers(8))])
    load_and_run(with_checksum(bytes(altered)))


def f32(size):
    return np.zeros(size, np.float32)


def f64(size):
    return np.zeros(size)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ([f64(3), f32(4)], "argument 0 of f has dtype float64; it must be float32"),
        ([f32(3), np.zeros(4, np.int32)], "argument 1 of f has dtype int32"),
        ([f32(6)[::2], f32(4)], "argument 0 of f is not contiguous"),
        ([f32(4), f32(4)], "tensors of 4, 4 values; it takes 3 inputs, then 4 outputs, for each"),
        ([f32(6), f32(4)], "tensors of 6, 4 values"),
        ([f32(4), f32(3)], "tensors of 4, 3 values"),
        ([f32(7)], "tensors of 7 values"),
        ([f32(5), f32(1), f32(8)], "tensors of 5, 1, 8 values"),
        ([f32(2), f32(2)], "tensors of 2, 2 values"),
    ],
)
def test_tensors_of_the_wrong_kind_are_refused(tensors, message):
    module = load_image(encode_image(small_program()))
    with pytest.raises(ValueError, match=re.escape(message)):
        module["f"](*map(tvm_ffi.from_dlpack, tensors))


def test_a_call_without_samples_does_nothing():
    load_image(encode_image(small_program()))["f"](*map(tvm_ffi.from_dlpack, [f32(0), f32(0)]))


def test_the_values_of_a_sample_come_from_and_go_to_several_tensors():
    image = encode_image(small_program())
    samples = np.arange(6, dtype=np.float32).reshape(2, 3) / 8
    whole = run_image(image, "f", samples, 4)
    left, right, first, rest = samples[:, :1].copy(), samples[:, 1:].copy(), f32(2), f32(6)
    load_image(image)["f"](*map(tvm_ffi.from_dlpack, [left, right, first, rest]))
    assert np.hstack([first.reshape(2, 1), rest.reshape(2, 3)]).tobytes() == whole.tobytes()


@pytest.mark.parametrize(
    ("words", "record", "message"),
    [
        ([], b"", "HardwareConfig: 0 fields, 12 are needed"),
        ([64, 1, 64, 64, 4, 16, 2, 1, 4, 32, 1, 1], b"", "fifo_depth = 1 is out of range"),
        ([64, 8, 12, 64, 4, 16, 2, 1, 4, 32, 1, 1], b"", "spmat_width_bits = 12 is not a multi"),
        ([64, 8, 64, 64, 4, 16, 2, 1, 4, 17, 1, 1], b"", "accumulator_bits = 17 is neither"),
        ([64, 8, 64, 64, 4, 16, 2, 1, 4, 32, 1, -1], b"", "config word = -1, allowed is 0.."),
        ([64, 8, 64, 64, 4, 16, 2, 1, 4, 32, 1, 1], b"abc", "matrix: byte 0: truncated"),
    ],
)
def test_a_bad_matrix_or_configuration_is_refused(words, record, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call("eie.load_matrix", words, record, True)


def test_threads_share_a_module():
    rng = np.random.default_rng(5)
    program = random_program(rng)
    image = encode_image(program)
    samples = random_samples(rng, 50, program.inputs)
    module = load_image(image)

    def run(_):
        out = np.zeros((50, program.outputs), np.float32)
        module["f"](tvm_ffi.from_dlpack(samples.copy()), tvm_ffi.from_dlpack(out))
        return out.tobytes()

    with ThreadPoolExecutor(4) as pool:
        results = set(pool.map(run, range(8)))
    assert results == {run_image(image, "f", samples, program.outputs).tobytes()}
