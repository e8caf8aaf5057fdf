"""Flips in queues and activations against a machine in NumPy, on all engines and threads."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import tvm_ffi
from hypothesis import given, settings
from hypothesis import strategies as st
from machines import load_image, profile, random_program, random_samples, run_image

from eie_backend.isa.image import encode_image
from eie_backend.isa.instructions import BY_NAME
from eie_backend.isa.interpreter import interpret
from eie_backend.isa.state import MachineState
from eie_backend.machine.choices import TRANSIENT_UNITS
from eie_backend.machine.numerics import shift_round, value_bits
from eie_backend.soft_errors import BitFlip, strike, striking
from eie_backend.soft_errors.protection import check_bits
from eie_backend.soft_errors.units import column_bits, data_bits

seeds = st.integers(0, 2**32 - 1)


def with_bits(value, mask, program):
    """Return a value in which the bits of a mask differ."""
    if program.arithmetic == "float32":
        return (np.float32(value).view(np.uint32) ^ np.uint32(mask)).view(np.float32)
    width = value_bits(program.arithmetic)
    word = (int(value) ^ mask) % (1 << width)
    return word - (1 << width) if word >> (width - 1) else word


class StruckMachine(MachineState):
    """The interpreter's machine, but every PE takes what its own queue holds."""

    def strike(self, flips, step, operation, operands):
        for flip in flips:
            if flip.unit == "act" and flip.place[0] == step:
                at = operands["src_row"] * self.config.num_pe + flip.place[1]
                self.act[at] = with_bits(self.act[at], 1 << flip.bit, self.program)
        if operation != "mvm":
            BY_NAME[operation].execute(self, operands)
            return
        matrix = self.program.matrices[operands["matrix"]]
        at = operands["src_row"] * self.config.num_pe
        source = list(self.act[at : at + matrix.cols])
        if matrix.has_bias_column:
            source.append(1.0 if self.is_float else 1 << operands["frac_bits"])
        codes, width = matrix.codes(), value_bits(self.program.arithmetic)
        numbers = count()
        for column in np.flatnonzero(source):
            number = next(numbers)
            for pe in range(self.config.num_pe):
                mask = 0
                for flip in flips:
                    if flip.unit == "act_queue" and flip.place == (step, pe, number):
                        mask ^= 1 << flip.bit
                value, taken = source[column], int(column) ^ mask >> width
                if mask % (1 << width):
                    value = with_bits(value, mask % (1 << width), self.program)
                if taken < matrix.stored_cols:
                    self.add(matrix, codes[:, taken], pe, value, operands["shift"])

    def add(self, matrix, codes, pe, value, shift):
        for row in range(pe, matrix.rows, self.config.num_pe):
            if not codes[row]:
                continue
            weight = matrix.codebook[codes[row]]
            if self.is_float:
                self.acc[row] = self.acc[row] + np.float32(weight) * np.float32(value)
            else:
                product = shift_round(np.array([int(weight) * int(value)]), shift)
                sums = self.acc[row : row + 1] + product
                self.acc[row] = self.saturate(sums, self.config.accumulator_bits)[0]


def reference(program, samples, flips):
    outputs = []
    for sample in samples:
        machine = StruckMachine(program, sample)
        with np.errstate(over="ignore", invalid="ignore"):
            for step in program.setup:
                BY_NAME[step.instruction].execute(machine, step.operands)
            for number, step in enumerate(program.steps):
                machine.strike(flips, number, step.instruction, step.operands)
        outputs.append(machine.output)
    return np.array(outputs)


def random_flips(rng, program):
    """Return flips of bits that some step uses, often several of a word."""
    flips = []
    for number, step in enumerate(program.steps):
        if step.instruction not in ("mvm", "store_act"):
            continue
        read = step.operands.get("count") or program.matrices[step.operands["matrix"]].cols
        for _ in range(rng.integers(0, 4)):
            place = (number, int(rng.integers(read)))
            flips.append(BitFlip("act", place, int(rng.integers(value_bits(program.arithmetic)))))
        for _ in range(rng.integers(0, 12) if step.instruction == "mvm" else 0):
            pe = int(rng.integers(program.config.num_pe))
            place = (number, pe, int(rng.integers(min(read, 5))))
            bits = data_bits("act_queue", program.config, program.arithmetic)
            # Higher bits of a column lead out of small matrices, which is less to see.
            bit = min(int(rng.integers(bits)), value_bits(program.arithmetic) + 4)
            flips.append(BitFlip("act_queue", place, bit))
    return flips


def run(program, samples, engine, **strikes):
    """Return outputs, saturations of sums, and what became of words."""
    out = np.zeros((len(samples), program.outputs), np.float32)
    module = load_image(encode_image(program))
    with striking(**strikes) as found:
        rows = profile(lambda: module[program.symbol](samples, out), engine=engine)
    return out, sum(row["counters"]["accumulator_saturations"] for row in rows), found.words


@settings(max_examples=150)
@given(seed=seeds)
def test_every_pe_takes_what_its_queue_holds(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    samples = random_samples(rng, 2, program.inputs)
    flips = random_flips(rng, program)
    expected = reference(program, samples, flips)
    runs = [
        run(program, samples, engine, flips=[(program, flip) for flip in flips])
        for engine in ("functional", "event", "clock")
    ]
    for out, saturations, _ in runs:
        assert np.array_equal(out, expected, equal_nan=True)
        assert saturations == runs[0][1]


@given(seed=seeds)
def test_two_flips_of_a_bit_cancel(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    samples = random_samples(rng, 2, program.inputs)
    flips = [(program, flip) for flip in random_flips(rng, program)]
    before = run_image(encode_image(program), "f", samples, program.outputs)
    out, _, words = run(program, samples, "event", flips=[*flips, *flips])
    assert out.tobytes() == before.tobytes()
    assert not words["f"].any()


def test_without_flips_values_and_cycles_are_the_same():
    rng = np.random.default_rng(4)
    program = random_program(rng)
    samples = random_samples(rng, 3, program.inputs)
    out = np.zeros((3, program.outputs), np.float32)
    module = load_image(encode_image(program))
    plain = profile(lambda: module["f"](samples, out))
    before = out.copy()
    with striking(rates=dict.fromkeys(TRANSIENT_UNITS, 0.0)) as found:
        assert profile(lambda: module["f"](samples, out)) == plain
    assert out.tobytes() == before.tobytes()
    assert found.words["f"].shape == (3, 3)
    assert not found.words["f"].any()


def test_a_flip_strikes_its_input_and_no_other():
    program, samples = case()
    (number, *_) = (n for n, step in enumerate(program.steps) if step.instruction == "store_act")
    flip = BitFlip("act", (number, 0), 14, input=2)
    before = run(program, samples, "event")[0]
    # Inputs count over the calls of a ``with`` block.
    with striking(flips=[(program, flip)]) as found:
        parts = [
            run_image(encode_image(program), "f", part, program.outputs)
            for part in (samples[:1], samples[1:])
        ]
    after = np.concatenate(parts)
    assert (before != after).any(axis=1).tolist() == [False, False, True, False]
    assert found.words["f"].tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]]


def case():
    """Return a small program of int16, and four samples with many different results."""
    for seed in count():
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        samples = random_samples(rng, 4, program.inputs)
        if program.arithmetic == "int16" and np.abs(samples).max() < 10:
            if np.unique(interpret(program, samples)[0]).size > 8:
                return program, samples


@pytest.mark.parametrize("protection", ["none", "parity", "secded"])
@pytest.mark.parametrize("unit", TRANSIENT_UNITS)
def test_results_depend_neither_on_threads_nor_on_the_engine(unit, protection):
    program, samples = case()
    samples = np.concatenate([samples] * 50)
    strikes = {"rates": {unit: 0.01}, "seed": 3, "protection": protection}
    first, _, words = run(program, samples, "event", **strikes)
    for engine in ("functional", "event"):
        out, _, again = run(program, samples, engine, **strikes)
        assert out.tobytes() == first.tobytes()
        assert np.array_equal(again["f"], words["f"])
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(run, program, samples, "functional", **strikes) for _ in range(8)]
        assert all(one.result()[0].tobytes() == first.tobytes() for one in runs)
    # One by one, in a block: the same inputs by their number.
    with striking(**strikes):
        alone = [
            run_image(encode_image(program), "f", one[None], program.outputs) for one in samples
        ]
    assert np.concatenate(alone).tobytes() == first.tobytes()
    assert words["f"][:, 2].any() or protection != "none"


@pytest.mark.parametrize("unit", TRANSIENT_UNITS)
def test_secded_corrects_a_flip_in_a_word(unit):
    program, samples = case()
    step = next(n for n, s in enumerate(program.steps) if s.instruction == "mvm")
    before = run(program, samples, "event")[0]
    stored = data_bits(unit, program.config, "int16")
    stored += check_bits(stored, "secded")
    for bit in range(stored):
        flip = BitFlip(unit, (step, 0, 0)[: 3 if unit == "act_queue" else 2], bit)
        out, _, words = run(program, samples, "event", flips=[(program, flip)], protection="secded")
        assert out.tobytes() == before.tobytes()
        assert not words["f"][:, 1:].any()


def test_a_detected_word_is_counted_and_taken_as_right():
    program, samples = case()
    step = next(n for n, s in enumerate(program.steps) if s.instruction == "store_act")
    flips = [(program, BitFlip("act", (step, 0), 15))]
    before = run(program, samples, "event")[0]
    out, _, words = run(program, samples, "event", flips=flips, protection="parity")
    assert out.tobytes() == before.tobytes()
    assert words["f"].tolist() == [[0, 1, 0]] * 4


def test_a_damaged_program_runs_in_place_of_its_namesake():
    program, samples = case()
    struck = strike(program, {"codebook": 0.3}, 1).program
    expected = run_image(encode_image(struck), "f", samples, program.outputs)
    out, _, _ = run(program, samples, "event", damaged=[struck])
    assert out.tobytes() == expected.tobytes()
    assert out.tobytes() != run(program, samples, "event")[0].tobytes()


def test_a_damaged_program_leaves_what_shares_its_weights_as_it_is():
    program, samples = case()
    other = replace(program, symbol="g")
    struck = strike(program, {"codebook": 0.3}, 1).program
    module = load_image(encode_image(program, other))

    def results():
        found = []
        for symbol in ("f", "g"):
            out = np.zeros((len(samples), program.outputs), np.float32)
            module[symbol](tvm_ffi.from_dlpack(samples), tvm_ffi.from_dlpack(out))
            found.append(out.tobytes())
        return found

    sound, damaged = run_image(encode_image(other), "g", samples, program.outputs), struck
    expected = run_image(encode_image(damaged), "f", samples, program.outputs)
    with striking(damaged=[damaged]):
        assert results() == [expected.tobytes(), sound.tobytes()]
    assert results() == [sound.tobytes()] * 2


def test_another_program_of_that_name_is_refused():
    program, samples = case()
    other = replace(program, layers=("a", "b", "c", "d"))
    with pytest.raises(ValueError, match="the damaged program f is not one of this library"):
        run(program, samples, "event", damaged=[other])


def test_strikes_end_with_their_block_even_after_an_error():
    program, samples = case()
    before = run_image(encode_image(program), "f", samples, program.outputs)
    with pytest.raises(ZeroDivisionError), striking(rates={"act": 0.5}):
        raise ZeroDivisionError
    after = run_image(encode_image(program), "f", samples, program.outputs)
    assert after.tobytes() == before.tobytes()


def test_a_column_has_room_for_the_bias_column():
    program, _ = case()
    config = replace(program.config, num_pe=4, act_registers=4)
    assert column_bits(config) == 5
