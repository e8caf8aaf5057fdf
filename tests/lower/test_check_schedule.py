"""Schedules of the user's: what the machine runs unchanged, and how all else is refused."""

from dataclasses import replace

import numpy as np
import pytest
import tvm
from tvm import relax

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.compiler import prepare, stages
from eie_backend.epilogues import BY_NAME, NONE
from eie_backend.errors import ModelError
from eie_backend.lower import check_schedule
from eie_backend.lower.check_schedule import scheduled
from eie_backend.lower.kernel_steps import kernel_steps
from eie_backend.machine.epilogue import Applied
from eie_backend.machine.target import as_target
from eie_backend.schedules.kernel import DenseShape, dense_kernel
from eie_backend.schedules.schedule import KernelLayer, fewest_tiles
from eie_backend.schedules.tensorize import tensorize
from eie_backend.schedules.tile import tile
from eie_backend.transform.attributes import attributes
from eie_backend.transform.epilogues import with_epilogue

PE, REGISTERS = 4, 4
MACHINE = eie.HardwareConfig(num_pe=PE, act_registers=REGISTERS)
BLOCK = PE * REGISTERS
WEIGHTS = np.random.default_rng(0).integers(1, 4, (24, 20)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(5, 20)).astype(np.float32)


def network(*, bias=True, relu=True):
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1, 20), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            matrix = relax.const(np.ascontiguousarray(WEIGHTS.T))
            value = builder.emit(relax.op.matmul(x, matrix), "fc")
            if bias:
                value = builder.emit(relax.op.add(value, relax.const(WEIGHTS[:, 0] - 2)))
            if relu:
                value = builder.emit(relax.op.nn.relu(value))
            result = builder.emit_output(value)
        builder.emit_func_output(result)
    return builder.get()


def by(*tiles):
    """Return a schedule with these tiles."""

    def mine(kernel, _layer):
        return tensorize(tile(kernel, tiles))

    return mine


SMALL = by(
    ((0, 8), [(0, 4), (4, 20)]), ((8, 16), [(0, 16), (16, 20)]), ((16, 24), [(0, 12), (12, 20)])
)
LAYER = KernelLayer("fc", WEIGHTS, None, MACHINE)


def kernel(*, bias=False, relu=False):
    ending = Applied(BY_NAME["relu"]) if relu else NONE
    func = dense_kernel("fc_kernel", DenseShape(1, 24, 20, bias, ending))
    return with_epilogue(func.with_attr("eie.layer", "fc"), ending)


def refused(schedule, layer=LAYER):
    with pytest.raises(ModelError) as caught:
        scheduled(schedule, kernel(), layer)
    return str(caught.value)


def faults(schedule, layer=LAYER):
    head, _, rest = refused(schedule, layer).partition(".mine: ")
    assert head == f"fc: the machine cannot run the kernel of the schedule {__name__}.by.<locals>"
    found, _, tail = rest.partition("; correct it")
    assert tail == ", with `tile` and `tensorize` of eie_backend.schedules"
    return found


# Accepted


@pytest.mark.parametrize("arithmetic", ["int16", "float32"])
@pytest.mark.parametrize("bias", ["register", "column"])
@pytest.mark.parametrize("relu", [False, True])
def test_other_tiles_change_no_bit(arithmetic, bias, relu):
    mod = network(relu=relu)
    own, other = (
        eie.compile(mod, MACHINE, arithmetic=arithmetic, bias=bias, schedule=schedule)
        for schedule in (None, SMALL)
    )
    assert [len(programs(one)[0].matrices) for one in (own, other)] == [4, 6]
    assert eie.run(own, X)[0].tobytes() == eie.run(other, X)[0].tobytes()


def test_the_compilers_own_is_a_schedule():
    mod = network()
    (own,), (same,) = (
        programs(eie.compile(mod, MACHINE, schedule=schedule)) for schedule in (None, fewest_tiles)
    )
    assert own.steps == same.steps


def test_the_manifest_says_whose_schedule_it_is():
    mod = network()
    own, other = (
        programs(eie.compile(mod, MACHINE, schedule=schedule))[0].manifest
        for schedule in (None, SMALL)
    )
    assert "schedule" not in own
    assert other == {**own, "schedule": f"{__name__}.by.<locals>.mine"}


class Even:
    def __call__(self, kernel, layer):
        return SMALL(kernel, layer)


def test_an_object_that_can_be_called_is_named_by_its_class():
    (program,) = programs(eie.compile(network(), MACHINE, schedule=Even()))
    assert program.manifest["schedule"] == f"{__name__}.Even"


def test_tvm_compile_takes_it_as_an_option_of_the_pipeline():
    pipeline = relax.get_pipeline("default", schedule=SMALL)
    built = tvm.compile(network(), target=as_target(MACHINE), relax_pipeline=pipeline)
    (program,) = programs(built)
    assert len(program.matrices) == 6
    assert program.manifest["schedule"].endswith("mine")


def test_the_text_of_the_kernels_has_it_too():
    machine = as_target(MACHINE)
    mod = stages.tir(prepare(network(), machine), machine, SMALL)
    assert attributes(mod).schedule.endswith("mine")
    assert mod.script().count("T.eie.mvm") == 6


def test_a_schedule_knows_the_layer():
    seen = []

    def look(kernel, layer):
        seen.append((layer, layer.lengths((0, 24))))
        return fewest_tiles(kernel, layer)

    eie.compile(network(), MACHINE, bias="column", schedule=look)
    ((layer, lengths),) = seen
    assert (layer.name, layer.config) == ("fc", MACHINE)
    assert layer.weights.tolist() == WEIGHTS.tolist()
    assert lengths.shape == (PE, 21)
    assert lengths[:, :20].sum() == WEIGHTS.size


# Refused


FULL = [(0, 16), (16, 20)]


@pytest.mark.parametrize(
    ("tiles", "says"),
    [
        ([((0, 24), FULL)], "outputs 0..23 are more than the 16 of the registers"),
        (
            [((0, 16), [(0, 20)]), ((16, 24), FULL)],
            "inputs 0..19 are more than the 16 of the registers",
        ),
        (
            [((0, 10), FULL), ((10, 24), [(0, 6), (6, 20)])],
            "outputs 10..23 begin at no multiple of 4 PEs; "
            "inputs 6..19 begin at no multiple of 4 PEs",
        ),
        ([((0, 16), FULL)], "output blocks 0..15 are not 0 to 24 in order"),
        ([((8, 24), FULL), ((0, 8), FULL)], "output blocks 8..23, 0..7 are not 0 to 24 in order"),
        (
            [((0, 16), [(16, 20), (0, 16)]), ((16, 24), [(0, 16)])],
            "outputs 0..15: input blocks 16..19, 0..15 are not 0 to 20 in order; "
            "outputs 16..23: input blocks 0..15 are not 0 to 20 in order",
        ),
        ([((0, 16), FULL), ((8, 24), FULL)], "output blocks 0..15, 8..23 are not 0 to 24 in order"),
        ([((0, 8), FULL), ((12, 24), FULL)], "output blocks 0..7, 12..23 are not 0 to 24 in order"),
        (
            [((0, 12), FULL), ((12, 24), [(0, 16), (12, 20)])],
            "outputs 12..23: input blocks 0..15, 12..19 are not 0 to 20 in order",
        ),
        (
            [((0, 16), []), ((16, 24), FULL)],
            "an output block is clear, write_back; it must be clear, one mvm or more, write_back",
        ),
    ],
)
def test_tiles_that_the_machine_cannot_run(tiles, says):
    assert faults(by(*tiles)) == says


@pytest.mark.parametrize(
    ("size", "holds", "says"),
    [
        ("spmat_sram_bytes", 80, "80 entries in a PE, which reaches 72"),
        ("ptr_sram_bytes", 34, "16 columns, the pointer SRAM has 15"),
    ],
)
def test_a_tile_at_the_limit_of_sram_and_one_beyond(size, holds, says):
    tiles = by(((0, 20), FULL), ((20, 24), FULL))

    def layer(size_bytes):
        config = eie.HardwareConfig(num_pe=PE, act_registers=8, **{size: size_bytes})
        return KernelLayer("fc", WEIGHTS, None, config)

    scheduled(tiles, kernel(), layer(holds))
    found = faults(tiles, layer(holds - (8 if "spmat" in size else 2)))
    assert found.startswith(f"outputs 0..19, inputs 0..15: {says}")


@pytest.mark.parametrize(
    ("name", "buffer", "span", "says"),
    [
        (
            "mvm",
            "x",
            ((0, 1), (4, 20)),
            "weights are multiplied with the activations of other inputs",
        ),
        ("mvm", "w", ((0, 16), (8, 24)), "are written from sums over 8..23, "),
        ("write_back", "y", ((0, 1), (4, 20)), "outputs 4..19 are written from sums over 0..15, "),
    ],
)
def test_calls_that_do_not_belong_together(monkeypatch, name, buffer, span, says):
    """`tile` makes no such kernel; one that is written by hand may be."""

    def edited(func):
        steps = kernel_steps(func)
        at = next(n for n, step in enumerate(steps) if step.name == name)
        if len(steps) > 3:  # not the plain kernel, to which it is compared
            steps[at] = replace(steps[at], spans={**steps[at].spans, buffer: span})
        return steps

    monkeypatch.setattr(check_schedule, "kernel_steps", edited)
    assert says in faults(by(((0, 16), FULL), ((16, 24), FULL)))


def test_other_kernels():
    others = {
        "it is a NoneType, not a PrimFunc": lambda kernel, _layer: None,
        "it has more than the loop over samples and T.eie calls: ": lambda kernel, _layer: kernel,
        "its parameters are x (1, 20) float32, w (20, 24) float32, b (24) float32, y (1, 24) "
        "float32, not x (1, 20) float32, w (20, 24) float32, y (1, 24) float32": (
            lambda _kernel, layer: fewest_tiles(kernel(bias=True), layer)
        ),
        "outputs 0..15 end as (1, 0.0), the kernel as (0, 0.0); outputs 16..23 end as (1, 0.0), "
        "the kernel as (0, 0.0)": lambda _kernel, layer: fewest_tiles(kernel(relu=True), layer),
    }
    for says, other in others.items():
        assert f"<lambda>: {says}" in refused(other)


def test_a_schedule_that_fails_is_named_with_the_layer():
    def fails(kernel, layer):
        return layer.width

    message = refused(fails)
    assert message.startswith(f"fc: the schedule {__name__}.test_a_schedule_that_fails")
    assert message.endswith(
        "fails raises AttributeError: 'KernelLayer' object has no attribute 'width'; correct it"
    )


def test_faults_keep_their_type_through_tvm():
    with pytest.raises(ModelError, match="are more than the 16 of the registers"):
        eie.compile(network(), MACHINE, schedule=by(((0, 24), FULL)))


def test_what_is_no_function():
    with pytest.raises(ModelError) as caught:
        eie.compile(network(), MACHINE, schedule={"fc": SMALL})
    assert str(caught.value) == "schedule is a dict; give a function of a kernel and a layer"


def test_another_target_takes_none():
    pipeline = relax.get_pipeline("default", schedule=SMALL)
    with pytest.raises(ModelError, match="is no eie target; leave it out"):
        tvm.compile(network(), target="llvm", relax_pipeline=pipeline)
