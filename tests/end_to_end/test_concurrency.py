"""Many callers at once: right results, each call's own counters, no lock, no memory kept.

No test here has a limit on time: what must happen during a simulation is measured in its work.
"""

import gc
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import tvm
from measure import allocated_bytes

import eie_backend as eie
from eie_backend import HardwareConfig
from eie_backend.machine.energy_table import shipped_table
from eie_backend.profiler import Recorder, profile_runner
from eie_backend.simulator.runner import Runner
from eie_backend.tracing.trace import trace

ROUNDS = 3
"""What is left at every one of them is a leak; what happens once in the process is not."""

CALLERS = 64
CONFIG = HardwareConfig(num_pe=4)
CODEBOOK = np.linspace(0, 1, 16)


@pytest.fixture(scope="module")
def x():
    """Return an input for each caller; they differ in which values are zero, so also in cycles."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(CALLERS, 4, 24)) * (rng.random((CALLERS, 4, 24)) < 0.5)
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def compiled(make_mlp):
    return eie.compile(eie.from_onnx(make_mlp(24, 16, 10)), CONFIG, recipe=eie.Recipe(density=0.5))


@pytest.fixture(scope="module")
def library(compiled, tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "mlp.so"
    eie.export_library(compiled, path)
    return path


def at_once(call, items):
    """Call with every item, each in a thread of its own, all started together."""
    together = threading.Barrier(len(items))

    def begin(item):
        together.wait()
        return call(item)

    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(begin, items))


def found(report):
    return report.to_json(), [output.tobytes() for output in report.outputs]


# Threads


@pytest.mark.parametrize("engine", ["event", "functional", "clock"])
def test_64_threads_call_one_model(engine, library, x):
    runner = Runner(library)
    expected = [found(profile_runner(runner, one, engine=engine)) for one in x]
    assert len(set(map(str, expected))) == CALLERS

    def calls(own):
        return [found(profile_runner(runner, own, engine=engine)) for _ in range(3)]

    assert at_once(calls, x) == [[one] * 3 for one in expected]


def test_64_threads_load_one_executable_into_a_vm_each(make_mlp, x):
    compiled = eie.compile(eie.from_onnx(make_mlp(24, 16, 10)), CONFIG)  # not linked yet
    expected = at_once(lambda own: eie.run(compiled, own)[0], x)
    assert all(
        np.array_equal(found, eie.run(compiled, one)[0])
        for found, one in zip(expected, x, strict=True)
    )

    def call(own):
        machine = tvm.relax.VirtualMachine(compiled, tvm.cpu())
        return [machine["main"](tvm.runtime.tensor(own)).numpy() for _ in range(5)]

    for results, one in zip(at_once(call, x), expected, strict=True):
        assert all(np.array_equal(result, one) for result in results)


def test_what_one_thread_records_the_others_do_not_see(library, x):
    runner = Runner(library)
    alone = profile_runner(runner, x[0]).to_json()
    with Recorder(runner) as outer:
        at_once(lambda own: runner.call([own]), x)
        result = runner.call([x[0]])
    assert outer.report(tuple(result), shipped_table(), 4).to_json() == alone


def test_64_threads_trace(library, x):
    runner = Runner(library)
    expected = [trace(runner, one, "vcd").data for one in x]
    assert at_once(lambda own: trace(runner, own, "vcd").data, x) == expected


def test_64_threads_simulate_one_matrix(x):
    codes = np.random.default_rng(3).integers(0, 16, (40, 24))

    def simulate(encoded, own):
        layer = eie.simulate(encoded, own[0], CONFIG)
        return layer.output.tobytes(), dict(layer.counters)

    expected = [simulate(eie.encode(codes, CODEBOOK, CONFIG), one) for one in x]
    encoded = eie.encode(
        codes, CODEBOOK, CONFIG
    )  # not yet in the runtime: the first callers load it
    assert at_once(lambda own: simulate(encoded, own), x) == expected


# Processes

LOAD = """
import json, os, sys
from pathlib import Path
import numpy as np
from eie_backend.profiler import profile

folder, processes = Path(sys.argv[1]), int(sys.argv[2])
x = np.load(folder / "x.npy")
ready, go = os.pipe()
for number in range(processes):
    if os.fork() == 0:
        os.close(go)
        os.read(ready, 1)  # returns in all at once, when the parent closes the other end
        report = profile(folder / "mlp.so", x[number])
        found = report.to_json(), [output.tobytes().hex() for output in report.outputs]
        (folder / f"{number}.json").write_text(json.dumps(found))
        os._exit(0)
os.close(go)
print([os.wait()[1] for _ in range(processes)])
"""


def test_16_processes_load_one_file(library, x, tmp_path):
    (tmp_path / "mlp.so").symlink_to(library)
    np.save(tmp_path / "x.npy", x)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, tmp_path, "16"], capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{[0] * 16}\n", done.stderr
    for number in range(16):
        report, outputs = json.loads((tmp_path / f"{number}.json").read_text())
        assert (report, [bytes.fromhex(o) for o in outputs]) == found(
            eie.profile(library, x[number])
        )


# Locks


def program_of(samples, make_mlp):
    """Return a simulation of a compiled model, in one call."""
    mod = eie.from_onnx(make_mlp(256, 256, batch=samples))
    runner = Runner(eie.compile(mod, HardwareConfig(num_pe=64)))
    batch = runner.calls(np.ones((samples, 256), np.float32))[0]

    def simulate():
        with Recorder(runner, "clock", threads=1):
            runner.call(batch)

    return simulate


def matrix_of(samples, _):
    """Return a simulation of a matrix, in one call."""
    config = HardwareConfig(num_pe=64)
    encoded = eie.encode(np.ones((256, 256), int), [0, 1], config)
    x = np.ones((samples, 256), np.float32)
    return partial(eie.simulate_batch, encoded, x, config, "float32", engine="clock", threads=1)


def in_the_middle(simulate, others):
    """Return whether `others` began and ended in the middle of a simulation in another thread.

    Its middle is from a tenth to a half of the processor time that it takes alone.
    """
    with ThreadPoolExecutor(1) as pool:
        ident = pool.submit(threading.get_ident).result()
        used = partial(time.clock_gettime, time.pthread_getcpuclockid(ident))
        start = used()
        pool.submit(simulate).result()
        whole = used() - start
        start = used()
        simulating = pool.submit(simulate)
        while used() - start < whole / 10 and not simulating.done():
            time.sleep(0.001)
        others()
        ended = used() - start
        simulating.result()
    return ended < whole / 2


@pytest.mark.parametrize("of", [program_of, matrix_of])
def test_others_run_while_one_simulates(of, make_mlp, library, x):
    """One that ends too early is tried again with twice the samples; a lock outlasts any."""
    runner = Runner(library)
    expected = found(profile_runner(runner, x[0]))

    def others():
        assert found(profile_runner(runner, x[0])) == expected  # a program
        matrix = eie.encode(np.eye(24, dtype=int), CODEBOOK, CONFIG)
        eie.simulate(matrix, x[0, 0], CONFIG)  # a matrix, loaded meanwhile
        assert found(eie.profile(library, x[0])) == expected  # a library, loaded meanwhile

    sizes = (32 << n for n in range(7))  # the first is ten times what most machines need
    assert any(in_the_middle(of(samples, make_mlp), others) for samples in sizes), "they wait"


# Memory


@pytest.mark.parametrize("many", [2_000, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_memory_is_flat_over_many_runs(many, library, x):
    runner = Runner(library)
    batch = [x[0]]

    def held(runs):
        for _ in range(runs):
            runner.call(batch)
        gc.collect()
        return allocated_bytes(), sys.getallocatedblocks()

    held(500)
    for _ in range(ROUNDS):
        (bytes_before, blocks_before), (bytes_after, blocks_after) = held(500), held(many)
        # Python's own objects come and go; what every run leaves would be 16 bytes or a block.
        if bytes_after - bytes_before < 10_000 and blocks_after - blocks_before < 1_000:
            return
    pytest.fail(f"{ROUNDS} times, 10,000 runs leave {bytes_after - bytes_before} bytes")


def test_threads_that_end_leave_nothing(library, x):
    runner = Runner(library)

    def held(threads):
        for number in range(threads):
            caller = threading.Thread(target=profile_runner, args=(runner, x[number % CALLERS]))
            caller.start()
            caller.join()
            while Path(f"/proc/self/task/{caller.native_id}").exists():  # joined before it is gone
                time.sleep(0.001)
        gc.collect()
        return allocated_bytes(), psutil.Process().num_threads()

    held(50)
    for _ in range(ROUNDS):
        (bytes_before, threads_before), (bytes_after, threads_after) = held(50), held(500)
        assert threads_after == threads_before
        if bytes_after - bytes_before < 16 * 500:
            return
    pytest.fail(f"{ROUNDS} times, 500 threads leave {bytes_after - bytes_before} bytes")
