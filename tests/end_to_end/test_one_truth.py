"""`explain`, `strict`, the compiler, the report and the sweep say the same about every layer."""

import numpy as np
import pytest
from networks import drawn

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.compiler.driver import prepare
from eie_backend.compiler.model_record import read_record
from eie_backend.errors import ModelError
from eie_backend.sweep.bench import Bench, Design
from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.transform.constraints import layer_reasons
from eie_backend.transform.layers import source_of

CONFIG = eie.HardwareConfig(num_pe=4)
SMALL = eie.HardwareConfig(num_pe=2, act_sram_bytes=16)
"""A machine on which larger layers do not fit."""

MODELS = 36


def placed(mod, config):
    """Return the layers on the machine and those on the host, as `explain` says."""
    rows = eie.explain(mod, config)
    machine = {row.layer for row in rows if row.runs_on == "machine"}
    return machine, {row.name for row in rows if row.runs_on == "host" and row.is_layer}


@pytest.mark.sampled(37)
@pytest.mark.parametrize("seed", range(MODELS))
@pytest.mark.parametrize(
    ("config", "winograd"), [(CONFIG, "never"), (CONFIG, "always"), (SMALL, "never")]
)
def test_all_say_the_same(seed, config, winograd):
    mod = with_attributes(eie.from_onnx(drawn(seed)), winograd=winograd)
    machine, host = placed(mod, config)
    try:
        library = eie.compile(mod, config)
    except ModelError as error:
        assert not machine, error
        return
    # The compiler
    prepared = prepare(mod, config)
    noted = attributes(prepared)
    ran = {source_of(name, noted) for program in programs(library) for name in program.layers}
    assert ran == machine
    reasons = {source_of(name, noted): why for name, why in layer_reasons(prepared, config)}
    stays = {name for name, why in reasons.items() if why is not None}
    whole = {part: name for name, parts in noted.aliases.items() for part in parts}
    assert {whole.get(name, name) for name in host} == stays
    for row in eie.explain(mod, config):
        if row.name in host:
            assert row.reason == reasons[whole.get(row.name, row.name)]
    # The report, and the record in the library
    x = np.random.default_rng(seed).normal(size=(1, 5, 8) if seed % 2 == 0 else (1, 4, 6, 6))
    report = eie.profile(library, x.astype(np.float32))
    assert {source_of(layer.name, noted) for layer in report.layers} == machine
    rows = {(row.name, row.operator): row for row in eie.explain(mod, config)}
    for node in read_record(programs(library)).nodes:
        if node.runs_on:
            row = rows[node.name, node.operator]
            assert (node.runs_on, node.layer) == (row.runs_on, row.layer), node
    # Strict
    if host:
        with pytest.raises(ModelError) as caught:
            eie.compile(mod, config, strict=True)
        said = str(caught.value).partition("host: ")[2]
        assert {part.split(" (")[0] for part in said.split("; ") if " (" in part} >= host
    else:
        eie.compile(mod, config, strict=True)


@pytest.mark.sampled(35)
@pytest.mark.parametrize("seed", range(MODELS))
def test_the_sweep_too(seed):
    model, x = drawn(seed), (1, 5, 8) if seed % 2 == 0 else (1, 4, 6, 6)
    data = np.random.default_rng(seed).normal(size=x).astype(np.float32)
    bench = Bench({"net": model.SerializeToString()}, data, np.zeros(1, int), data, {})
    _, host = placed(eie.from_onnx(model), CONFIG)
    outcome = bench.measure(Design("net", CONFIG, eie.Recipe()))
    assert bool(outcome.error) == bool(host), outcome.error
    for name in host:
        assert f"{name} (" in outcome.error
