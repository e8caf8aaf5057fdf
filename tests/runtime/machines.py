"""Calls of the C++ machine, and random programs for it."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import tvm_ffi

from eie_backend.config import HardwareConfig
from eie_backend.epilogues import EPILOGUES
from eie_backend.isa.counters import COUNTERS
from eie_backend.isa.image.records import encode_matrix
from eie_backend.isa.program import Program, Step
from eie_backend.machine.encoding import encode

NAMES = [counter.name for counter in COUNTERS]


def call(name, *arguments):
    return tvm_ffi.get_global_func(name)(*arguments)


def load_image(image):
    return call("ffi.Module.load_from_bytes.eie", image)


def run_image(image, symbol, samples, outputs):
    out = np.full((len(samples), outputs), 7, np.float32)
    x = np.ascontiguousarray(samples, np.float32)
    load_image(image)[symbol](tvm_ffi.from_dlpack(x), tvm_ffi.from_dlpack(out))
    return out


def profile(run, engine="event"):
    call("eie.engine_start", engine, 0, 0)
    call("eie.profile_start", False)
    try:
        run()
    finally:
        rows = call("eie.profile_stop")
        call("eie.engine_stop")
    return [
        {**row, "counters": dict(zip(NAMES, map(int, row["counters"]), strict=True))}
        for row in rows
    ]


def run_matrix(config, matrix, x, shift=0, frac_bits=0):
    words = list(config.to_dict().values())
    run = call("eie.load_matrix", words, encode_matrix(matrix))
    out = np.full(matrix.rows, 7, x.dtype)
    formats, values = np.array([shift, frac_bits], np.int32), np.zeros(len(NAMES), np.int64)
    tensors = [matrix.codebook.copy(), x, out, formats, values]
    run(*map(tvm_ffi.from_dlpack, tensors), None, 1, "event", 0)
    return out, dict(zip(NAMES, values.tolist(), strict=True))


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


def random_epilogue(rng, is_float):
    epilogue = EPILOGUES[rng.integers(len(EPILOGUES))]
    highest = epilogue.highest_words[is_float]
    number = np.float32(abs(rng.normal())).view(np.int32) if is_float else rng.integers(2**15)
    parameter = min(int(number), highest)
    return {"epilogue": epilogue.number, "parameter": parameter}


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
            **random_epilogue(rng, is_float),
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
