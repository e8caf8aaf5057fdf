"""Whole sweeps: the numbers of `profile`, on any workers, whatever happens in between."""

import json
import pickle
from collections import Counter
from threading import Thread

import numpy as np
import onnx
import pytest

import eie_backend as eie
from eie_backend.cli.sweep_command import read_bench
from eie_backend.errors import SaturationWarning
from eie_backend.simulator.saturation import Saturated
from eie_backend.sweep import Outcome, read_spec, sweep
from eie_backend.sweep import run as run_module
from eie_backend.sweep.page import page
from eie_backend.sweep.pictures import picture
from eie_backend.sweep.run import MOST_TOLD
from eie_backend.sweep.shown import to_dict, to_json
from eie_backend.sweep.space import design_of

FEW = {"hardware": {"num_pe": [2, 4], "fifo_depth": [2, 8]}, "recipe": {"density": [0.25, 1.0]}}
ONE_RECIPE = {"recipe": {"density": 0.5}}


class Interrupted(Exception):
    """In place of a signal."""


@pytest.fixture
def measured(monkeypatch):
    """Count how often each design is measured, by threads, and invent what comes out."""
    counts = Counter()

    def invent(bench, design):
        counts[design.key] += 1
        pes, share = design.hardware.num_pe, design.recipe.density
        cycles = 1000 * share / pes + 1 / design.hardware.fifo_depth
        return Outcome(share, cycles, pes + share, float(pes))

    monkeypatch.setattr(run_module, "measure", invent)
    return counts


def test_outcomes_are_those_of_profile(make_bench, open_study):
    spec, bench = make_bench(**{**FEW, "hardware": {"num_pe": [2, 4]}}, prune=False)
    found = sweep(spec, bench, open_study(), "threads", 2)
    assert found.count("measured") == 4
    for row in found.rows:
        design = design_of(row.values)
        module = eie.from_onnx(bench.models["small"])
        library = eie.compile(
            module,
            design.hardware,
            recipe=design.recipe,
            calibration=bench.data,
            winograd="never",
        )
        report = eie.profile(library, bench.data)
        right = (report.outputs[0].argmax(-1) == bench.labels).mean()
        assert row.outcome.accuracy == right
        assert row.outcome.cycles == sum(layer.cycles_per_sample for layer in report.layers)
        assert row.outcome.energy == sum(layer.nanojoule_per_sample for layer in report.layers)
        assert row.outcome.area == report.area_mm2


def test_pruning_keeps_the_front(make_bench, open_study):
    lines = {"objectives": ["accuracy", "cycles", "area"], **ONE_RECIPE}
    spec, bench = make_bench(**lines, prune=False)
    whole = sweep(spec, bench, open_study(), "threads", 2)
    spec, bench = make_bench(**lines)
    pruned = sweep(spec, bench, open_study("pruned"), "threads", 2)
    assert pruned.count("ruled out") > 0
    assert [row.values for row in pruned.front] == [row.values for row in whole.front]


def test_processes_and_threads_give_the_same_files(make_bench, open_study):
    spec, bench = make_bench(**{**FEW, **ONE_RECIPE})
    threads = sweep(spec, bench, open_study("threads"), "threads", 2)
    processes = sweep(spec, bench, open_study("processes"), "processes", 2)
    assert to_json(processes) == to_json(threads)
    assert page(processes) == page(threads)
    assert picture(processes) == picture(threads)


@pytest.mark.parametrize("lines", [{}, {"search": {"trials": 12, "batch": 5}}], ids=["grid", "tpe"])
def test_goes_on_where_it_was_interrupted(make_bench, open_study, measured, lines):
    spec, bench = make_bench(**FEW, **lines)
    undisturbed = sweep(spec, bench, open_study("undisturbed"), "threads", 1)
    once = dict(measured)
    measured.clear()

    def interrupt(done, total):
        raise Interrupted

    for _ in range(3):
        with pytest.raises(Interrupted):
            sweep(spec, bench, open_study(), "threads", 1, interrupt)
        known = open_study().outcomes()
    assert len(known) == 3
    before = {key: measured[key] for key in known}
    assert to_json(sweep(spec, bench, open_study(), "threads", 1)) == to_json(undisturbed)
    assert measured.keys() == once.keys()
    assert {key: measured[key] for key in known} == before, "what was finished is measured again"


def test_a_finished_sweep_measures_nothing(make_bench, open_study, measured):
    spec, bench = make_bench(**FEW)
    first = sweep(spec, bench, open_study(), "threads", 2)
    measured.clear()
    told = []
    again = sweep(spec, bench, open_study(), "threads", 2, lambda *progress: told.append(progress))
    assert to_json(again) == to_json(first)
    assert not measured and not told


def test_more_values_measure_only_what_is_new(make_bench, open_study, measured):
    spec, bench = make_bench(**FEW, prune=False)
    sweep(spec, bench, open_study(), "threads", 2)
    measured.clear()
    wider = {**FEW, "hardware": {"num_pe": [2, 4, 8], "fifo_depth": [2, 8]}}
    spec, again = make_bench(**wider, prune=False)
    assert again.digest() == bench.digest()
    assert len(sweep(spec, again, open_study(), "threads", 2).rows) == 12
    assert len(measured) == 4


def test_two_machines_share_a_study(make_bench, open_study, measured):
    spec, bench = make_bench(prune=False)
    found = {}

    def work(name):
        copy = pickle.loads(pickle.dumps(bench))  # noqa: S301 - of our own making
        found[name] = sweep(spec, copy, open_study(), "threads", 1)

    machines = [Thread(target=work, args=(name,)) for name in "ab"]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join()
    assert to_json(found["a"]) == to_json(found["b"])
    assert len(open_study().outcomes()) == 24


def test_what_cannot_run_is_told_and_not_tried_again(make_bench, open_study, request):
    lines = {"hardware": {"act_sram_bytes": [2, 2048]}, "recipe": {"bits": [4, 8]}}
    spec, bench = make_bench(**lines)
    found = sweep(spec, bench, open_study(), "threads", 1)
    errors = [row.outcome.error for row in found.rows if row.state == "impossible"]
    assert any("the machine decodes 4 bits" in error for error in errors)
    assert len(errors) == 3 and found.count("measured") == 1
    measured = request.getfixturevalue("measured")
    assert to_json(sweep(spec, bench, open_study(), "threads", 1)) == to_json(found)
    assert not measured
    states = [row["state"] for row in json.loads(to_json(found))["designs"]]
    assert states.count("impossible") == 3


def test_the_study_belongs_to_models_data_and_settings(make_bench):
    _, bench = make_bench()
    digests = {bench.digest()}
    for lines in ({"strict": False}, {"arithmetic": "int8"}, {"balance": "on"}):
        digests.add(make_bench(**lines)[1].digest())
    _, other = make_bench()
    other.labels[0] ^= 1
    digests.add(other.digest())
    assert len(digests) == 5


TOLD = (
    "values do not fit their number formats in 2 designs of 2: design 0 (num_pe 2): fc1: "
    "{0} inputs ({1} values written); design 1 (num_pe 4): fc1: {0} inputs ({1} values written); "
    "calibrate with samples like the data (calibration:), or take another arithmetic"
)


@pytest.fixture
def saturating(make_mlp, tmp_path):
    """Write the specification of two designs that were calibrated with too small values."""
    onnx.save(make_mlp(16, 4), tmp_path / "small.onnx")
    x = np.random.default_rng(1).normal(size=(32, 16)).astype(np.float32)
    np.savez(tmp_path / "digits.npz", x=x, labels=np.zeros(32, int))
    np.savez(tmp_path / "tiny.npz", x=x / 100)
    path = tmp_path / "small.yaml"
    data = {"data": "digits.npz", "calibration": "tiny.npz"}
    path.write_text(json.dumps({"models": "small.onnx", **data, "hardware": {"num_pe": [2, 4]}}))
    return path


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_designs_with_values_that_do_not_fit_are_told_once(saturating, open_study, scheduler):
    spec = read_spec(saturating)
    bench, study = read_bench(spec), open_study()
    with pytest.warns(SaturationWarning) as told:
        found = sweep(spec, bench, study, scheduler, 1)
    (warning,) = told
    assert warning.filename == __file__
    rows = warning.message.counts
    assert [(row["design"], row["layer"]) for row in rows] == [(0, "fc1"), (1, "fc1")]
    assert rows[0]["input"] > 100
    assert rows[0]["values"] == 32 * (16 + 4)
    assert str(warning.message) == TOLD.format(rows[0]["input"], rows[0]["values"])
    plain = [
        {"design": number, **layer}
        for number, design in enumerate(to_dict(found)["designs"])
        for layer in design["saturated"]
    ]
    assert plain == rows
    assert "Values that do not fit" in page(found)
    # Nothing is measured again: the study knows.
    with pytest.warns(SaturationWarning) as again:
        assert to_dict(sweep(spec, bench, study, "threads", 1)) == to_dict(found)
    assert str(again[0].message) == str(warning.message)


def test_a_sweep_of_what_fits_says_so(make_bench, open_study):
    spec, bench = make_bench(hardware=None, **ONE_RECIPE)
    found = sweep(spec, bench, open_study(), "threads", 1)
    assert [design["saturated"] for design in to_dict(found)["designs"]] == [[]]
    assert "Values that do not fit" not in page(found)


def test_the_first_of_many_designs_are_named(make_bench, open_study, monkeypatch):
    lost = (Saturated("fc1", 1, 2, 3, 40),)
    measure = lambda bench, design: Outcome(0.5, 1.0, 1.0, 1.0, saturated=lost)  # noqa: E731
    monkeypatch.setattr(run_module, "measure", measure)
    spec, bench = make_bench(prune=False)
    with pytest.warns(SaturationWarning, match="in 24 designs of 24: design 0 ") as told:
        sweep(spec, bench, open_study(), "threads", 1)
    text = str(told[0].message)
    assert text.count("fc1: 1 inputs, 2 sums, 3 results (40 values written)") == MOST_TOLD
    assert "; and 19 more, which the results name; calibrate with" in text
    assert len(told[0].message.counts) == 24
