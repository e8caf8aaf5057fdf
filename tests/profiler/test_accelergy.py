"""Action counts for Accelergy: the form, and sums that equal the counters."""

import numpy as np
import pytest
import yaml

import eie_backend as eie
from eie_backend.profiler.accelergy import action_counts_yaml


@pytest.fixture(scope="module")
def report(make_mlp):
    compiled = eie.compile(eie.from_onnx(make_mlp(24, 16, 10)), eie.HardwareConfig(num_pe=4))
    return eie.profile(compiled, np.random.default_rng(0).normal(size=(8, 24)).astype(np.float32))


def test_the_form_is_that_of_accelergy(report):
    data = yaml.safe_load(action_counts_yaml(report))
    assert data.keys() == {"action_counts"}
    assert data["action_counts"].keys() == {"version", "local"}
    assert data["action_counts"]["version"] == 0.3
    for component in data["action_counts"]["local"]:
        assert component.keys() == {"name", "action_counts"}
        for action in component["action_counts"]:
            assert action.keys() == {"name", "counts"}
            assert type(action["counts"]) is int


def test_sums_are_the_counters(report):
    total = {
        name: sum(layer.counters[name] for layer in report.layers) + report.setup[name]
        for name in report.setup
    }
    found = {
        (component["name"], action["name"]): action["counts"]
        for component in yaml.safe_load(action_counts_yaml(report))["action_counts"]["local"]
        for action in component["action_counts"]
    }
    assert found == {
        ("eie.pe[0..3].act_queue", "pop"): total["ptr_reads"],
        ("eie.pe[0..3].ptr_read", "read"): total["ptr_reads"],
        ("eie.pe[0..3].spmat_read", "read"): total["spmat_reads"],
        ("eie.pe[0..3].arith", "multiply_add"): total["entries"],
        ("eie.pe[0..3].act_rw", "update"): total["entries"],
        ("eie.pe[0..3].act_sram", "read"): total["act_reads"],
        ("eie.pe[0..3].act_sram", "write"): total["act_writes"],
        ("eie.ccu", "broadcast"): total["broadcasts"],
        ("eie.dram", "transfer_byte"): total["load_bytes"],
        ("eie.lnzd", "cycle"): total["cycles"],
    }
    assert all(found.values())
