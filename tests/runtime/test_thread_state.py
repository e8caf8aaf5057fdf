"""What a thread asks of its next calls: blocks that nest, and that no other thread sees."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from machines import call, profile, random_program, random_samples, run_image

from eie_backend.isa.image import encode_image
from eie_backend.runtime import runtime

RUNTIME = Path(__file__).parents[2] / "runtime"


@pytest.fixture
def run():
    """Return a call of a program whose every run takes some cycles, from two samples."""
    runtime()
    rng = np.random.default_rng(2)
    program = random_program(rng)
    samples = random_samples(rng, 2, program.inputs)
    image = encode_image(program)
    return lambda: run_image(image, program.symbol, samples, program.outputs)


def cycles(rows):
    return [sum(row["counters"]["cycles"] for row in rows), sum(row["samples"] for row in rows)]


def test_the_engine_is_that_of_the_innermost_block(run):
    (of_a_run, samples), (none, _) = (cycles(profile(run, e)) for e in ("event", "functional"))
    assert of_a_run > none == 0

    def inner():
        run()
        call("eie.engine_start", "functional", 0, 0)
        run()
        call("eie.engine_stop")
        run()

    assert cycles(profile(inner, "event")) == [2 * of_a_run, 3 * samples]
    assert cycles(profile(inner, "clock")) == [2 * of_a_run, 3 * samples]


def test_a_profile_has_the_runs_of_its_own_block(run):
    once = profile(run)
    found = []

    def outer():
        run()
        found.append(profile(run))
        run()

    assert cycles(profile(outer)) == [2 * n for n in cycles(once)]
    assert found == [once]


def test_without_an_engine_a_profile_counts_what_values_tell(run):
    call("eie.profile_start", True)
    run()
    rows = call("eie.profile_stop")
    assert sum(int(row["samples"]) for row in rows) > 0
    assert not any(int(row["counters"][0]) or any(bytes(row["account"])) for row in rows)


def test_what_a_thread_asks_no_other_sees(run):
    alone = profile(run)

    def outer():
        with ThreadPoolExecutor(1) as pool:
            pool.submit(run).result()
            assert pool.submit(profile, run, "clock").result() == alone
            with pytest.raises(ValueError, match="no engine was started in this thread"):
                pool.submit(call, "eie.engine_stop").result()
        run()

    assert profile(outer) == alone


@pytest.mark.parametrize(
    "name, message",
    [
        ("engine", "no engine was started in this thread"),
        ("profile", "no profile was started in this thread"),
        ("trace", "no trace was started in this thread"),
        ("soft_errors", "no soft errors were started in this thread"),
    ],
)
def test_only_what_was_started_stops(name, message):
    runtime()
    with pytest.raises(ValueError, match=message):
        call(f"eie.{name}_stop")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("fast", 0, 0), "engine 'fast' is unknown"),
        (("event", -1, 0), r"visit_seed = -1, allowed is 0..4294967295"),
        (("event", 0, 40_000), r"threads = 40000, allowed is 0..32767"),
    ],
)
def test_an_engine_that_cannot_be_begins_no_block(arguments, message):
    runtime()
    with pytest.raises(ValueError, match=message):
        call("eie.engine_start", *arguments)
    with pytest.raises(ValueError, match="no engine was started"):
        call("eie.engine_stop")


def test_the_runtime_has_one_thread_local_and_the_core_none():
    found = [
        path.relative_to(RUNTIME).as_posix()
        for path in sorted([*RUNTIME.rglob("*.h"), *RUNTIME.rglob("*.cc")])
        for _ in re.findall(r"^\s*(?:static )?thread_local\b", path.read_text("utf-8"), re.M)
    ]
    assert found == ["bridge/thread_state.cc"]
