"""Programs that show their layers compute what the machine computes, to the bit."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.fidelity.instrumented import alone, ends_of, observed
from eie_backend.fidelity.machine_side import ObservedMachine
from eie_backend.isa.image import encode_image
from eie_backend.runtime import runtime

SIZES = (40, 30, 20, 10)
ROWS = 6


def compiled(model, **options):
    """Compile for a machine on which every layer has several tiles."""
    config = eie.HardwareConfig(num_pe=2, act_registers=8, **options)
    x = np.random.default_rng(1).normal(size=(ROWS, SIZES[0])).astype(np.float32)
    mod = eie.from_onnx(model, verify=False)
    return eie.compile(mod, config, calibration=x, recipe=eie.Recipe(0.5)), x


@pytest.fixture(scope="module")
def chain(make_mlp):
    library, x = compiled(make_mlp(*SIZES, batch=ROWS))
    return library, x, programs(library)[0]


def called(program, x, outputs):
    """Return what a program computes of rows."""
    results = np.empty((len(x), outputs), np.float32)
    runtime().load_image(encode_image(program))[program.symbol](x, results)
    return results


@pytest.fixture(scope="module")
def shown(make_mlp):
    """Return the results of all layers, from a library that has them as its outputs."""
    model = make_mlp(*SIZES, batch=ROWS)
    for number, size in zip((1, 2), SIZES[1:3], strict=True):
        result = helper.make_tensor_value_info(f"r{number}", TensorProto.FLOAT, [ROWS, size])
        model.graph.output.append(result)
    library, x = compiled(onnx.ModelProto.FromString(model.SerializeToString()))
    last, *inner = eie.run(library, x)
    return [*inner, last]


def test_an_observed_program_gives_its_results_and_those_of_all_layers(chain, shown):
    library, x, program = chain
    assert len([step for step in program.steps if step.instruction == "mvm"]) > len(SIZES) + 3
    assert [ends_of(program, n).result.size for n in range(3)] == [*SIZES[1:]]
    found = called(observed(program), x, SIZES[-1] + sum(SIZES[1:]))
    np.testing.assert_array_equal(found, np.hstack([*eie.run(library, x), *shown]))


def test_a_layer_alone_makes_of_its_input_what_it_makes_in_the_program(chain, shown):
    _, x, program = chain
    for number, (given, expected) in enumerate(zip([x, *shown[:-1]], shown, strict=True)):
        single = alone(program, number)
        assert single.layers == (f"fc{number + 1}",)
        assert len(single.matrices) < len(program.matrices)
        np.testing.assert_array_equal(called(single, given, expected.shape[1]), expected)


def test_a_vector_has_the_format_that_its_reader_has(chain):
    _, _, program = chain
    steps = program.steps
    ends = [ends_of(program, number) for number in range(3)]
    assert ends[0].source.frac_bits == steps[0].operands["frac_bits"]
    assert ends[0].result.frac_bits == ends[1].source.frac_bits
    assert ends[0].result.row == ends[1].source.row
    assert ends[2].result.frac_bits == steps[-1].operands["frac_bits"]
    assert [(end.has_bias, end.has_epilogue) for end in ends] == [(True, True)] * 2 + [
        (True, False)
    ]


def test_weights_that_are_streamed_are_streamed_alone_too(make_mlp, shown):
    library, x = compiled(make_mlp(*SIZES, batch=ROWS), spmat_sram_bytes=72)
    (program,) = programs(library)
    assert not program.setup
    single = alone(program, 0)
    assert [step.instruction for step in single.steps].count("load_matrix") > 1
    np.testing.assert_array_equal(called(single, x, SIZES[1]), shown[0])


def test_an_observed_machine_gives_the_library_s_results_and_lets_other_vms_alone(chain, shown):
    library, x, program = chain
    machine = ObservedMachine(library, [program])
    results, executions, rows = machine([x])
    np.testing.assert_array_equal(results[0], shown[-1])
    assert [name for name in executions] == ["fc1", "fc2", "fc3"]
    for name, expected in zip(executions, shown, strict=True):
        (execution,) = executions[name]
        np.testing.assert_array_equal(execution.results, expected)
    assert {row.layer for row in rows if row.layer} == {"fc1", "fc2", "fc3"}
    given = executions["fc2"][0]
    np.testing.assert_array_equal(machine.alone(given, shown[0]), shown[1])
    executions.clear()
    np.testing.assert_array_equal(eie.run(library, x)[0], shown[-1])
    assert not executions
