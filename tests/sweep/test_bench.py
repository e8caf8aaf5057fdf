"""A bench compresses a model once for all machines on which it is the same."""

import time
from pathlib import Path
from threading import get_native_id

import numpy as np
import pytest
import tvm_ffi

import eie_backend as eie
from eie_backend.compress import compress
from eie_backend.profiler import profile_runner
from eie_backend.recipe import Recipe
from eie_backend.simulator.runner import Runner
from eie_backend.sweep import Design
from eie_backend.sweep import bench as bench_module
from eie_backend.sweep.run import plan_of

METHODS = ["magnitude", "global", "balanced", {"fc2": "balanced"}]


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_machines_with_one_compressed_model_are_known(make_mlp, method):
    module, recipe = eie.from_onnx(make_mlp(64, 32, 16)), Recipe(density=0.4, method=method)
    configs = [eie.HardwareConfig(), eie.HardwareConfig(num_pe=4, fifo_depth=2, codebook_bits=5)]
    one, other = (Design("small", config, recipe).compressed for config in configs)
    made = [compress(module, recipe, config=config) for config in configs]
    assert (one == other) == tvm_ffi.structural_equal(*made)
    assert (one == other) == (not recipe.counts_pes)


def test_a_model_is_compressed_once_for_machines_in_a_row(make_bench, monkeypatch):
    calls = []

    def counted(*args, **kwargs):
        calls.append(args)
        return compress(*args, **kwargs)

    monkeypatch.setattr(bench_module, "compress", counted)
    spec, bench = make_bench(recipe={"density": 0.5})
    designs = list(plan_of(spec, bench).designs)
    assert len({design.hardware.num_pe for design in designs}) == 2
    assert len({bench.measure(design).cycles for design in designs}) > 1
    assert len(calls) == 1


def test_a_machine_that_decodes_too_few_bits_is_refused_after_one_that_does_not(make_bench):
    spec, bench = make_bench(hardware={"codebook_bits": [4, 3]}, recipe={"density": 0.5, "bits": 4})
    good, bad = map(bench.measure, plan_of(spec, bench).designs)
    assert good.error == ""
    assert "decodes 3 bits" in bad.error


def is_running(task):
    try:
        return (task / "stat").read_text().rpartition(") ")[2].startswith("R")
    except OSError:  # it has ended
        return False


def wait_for_other_threads():
    """Wait until they sleep: NumPy's look out for more to multiply for a while."""
    others = {*Path("/proc/self/task").iterdir()} - {Path(f"/proc/self/task/{get_native_id()}")}
    while any(map(is_running, others)):
        time.sleep(0.001)


def test_a_worker_simulates_on_one_core(make_mlp):
    """Time of the thread and of the process is the same, however busy the machine is."""
    x = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    module = eie.from_onnx(make_mlp(64, 256, 16, batch=64))
    runner = Runner(eie.compile(module, calibration=x))
    alone = profile_runner(runner, x, engine="clock", threads=1)
    wait_for_other_threads()
    process, thread = time.process_time(), time.thread_time()
    assert profile_runner(runner, x, engine="clock", threads=1).to_json() == alone.to_json()
    process, thread = time.process_time() - process, time.thread_time() - thread
    assert thread > 0.9 * process
    assert profile_runner(runner, x, engine="clock", threads=3).to_json() == alone.to_json()


@pytest.mark.parametrize("threads", [-1, 1 << 20])
def test_an_impossible_number_of_threads_is_refused(make_mlp, threads):
    x = np.zeros((4, 8), np.float32)
    runner = Runner(eie.compile(eie.from_onnx(make_mlp(8, 4)), calibration=x + 1))
    with pytest.raises(ValueError, match=r"threads = .*, allowed is 0\.\.32767"):
        profile_runner(runner, x, threads=threads)


def test_a_layer_on_the_host_is_impossible_unless_the_sweep_is_not_strict(make_bench):
    layers = {"recipe": {"runs_on": {"fc1": "host"}}, "hardware": None}
    spec, bench = make_bench(**layers)
    (design,) = plan_of(spec, bench).designs
    reason = "strict: 1 layer would stay on the host: fc1 (matmul): the recipe keeps it on the host"
    assert bench.measure(design).error == reason
    spec, bench = make_bench(**layers, strict=False)
    (design,) = plan_of(spec, bench).designs
    whole = bench.estimate(Design(design.model, design.hardware, Recipe()))
    assert bench.estimate(design).cycles < whole.cycles
    assert 0 < bench.measure(design).cycles < whole.cycles
