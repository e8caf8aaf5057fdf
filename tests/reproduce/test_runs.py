"""Runs are made once, when asked for, and hold what the real layers' files hold."""

import pytest

from eie_backend import HardwareConfig, simulate
from eie_backend.errors import ConfigError, InputError
from eie_backend.reproduce import runs as module
from eie_backend.reproduce.catalog import CATALOG
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.workloads import TABLE_III, LayerShape


@pytest.fixture
def small(monkeypatch):
    """Return runs of layers an eighth as long and wide."""
    shapes = {
        name: LayerShape(name, s.inputs // 8, s.outputs // 8, s.weight_density, s.act_density)
        for name, s in TABLE_III.items()
    }
    monkeypatch.setattr(module, "TABLE_III", shapes)
    return Runs()


@pytest.fixture
def simulated(monkeypatch):
    """Return the machines that were simulated."""
    seen = []

    def counting(encoded, x, config, *arguments, **options):
        seen.append(config)
        return simulate(encoded, x, config, *arguments, **options)

    monkeypatch.setattr(module, "simulate", counting)
    return seen


@pytest.mark.parametrize(
    ("key", "count"),
    [("table_1", 0), ("table_2", 0), ("table_3", 0), ("table_4", 9), ("table_5", 2)],
)
def test_a_table_simulates_only_what_it_needs(key, count, small, simulated):
    CATALOG[key].reproduce(small)
    assert len(simulated) == count
    CATALOG[key].reproduce(small)
    assert len(simulated) == count  # nothing is simulated twice


@pytest.mark.parametrize("key", ["table_1", "table_2"])
def test_no_layer_is_generated_for_a_table_without_layers(key, monkeypatch):
    monkeypatch.setattr(module, "generate", None)
    assert CATALOG[key].reproduce(Runs()).values


@pytest.mark.parametrize("config", [PAPER, HardwareConfig(num_pe=5), HardwareConfig(fifo_depth=2)])
def test_a_run_is_what_simulate_returns(config, small):
    layer = small.layers["NT-We"]
    direct = simulate(layer.encode(config), layer.activations, config, "float32")
    run = small.run("NT-We", config)
    known = {**direct.counters}
    del known["accumulator_saturations"]  # not counted without values
    assert run.counters == known


def test_a_run_that_is_kept_lets_go_of_its_encoding(small):
    run = small.run("NT-We")
    assert run.scan is None
    with pytest.raises(ConfigError, match="simulate again"):
        _ = run.breakdown


def test_a_number_of_pes_is_all_that_differs(small):
    assert small.with_pes("NT-Wd", PAPER.num_pe) is small.run("NT-Wd")
    assert small.with_pes("NT-Wd", 16).config == HardwareConfig(num_pe=16)


def test_the_seed_and_the_origin_are_told(small, real_runs):
    assert small.note().startswith("Layers: generated, seed 0")
    assert small.note().endswith("Alex-8 generated as the others.")
    assert real_runs.note().endswith("Alex-8 as its authors published it, with a real input.")


def test_a_real_layer_that_cannot_be_read_is_refused_at_once(tmp_path):
    with pytest.raises(InputError, match=r"absent\.npz: cannot be read"):
        Runs(tmp_path / "absent.npz")
