"""Traces read back: every edge is there once, and all sums are the counters'."""

import io
import sys
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
import vcd.reader
from hypothesis import given, settings
from hypothesis import strategies as st
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as schema

import eie_backend as eie
from eie_backend import HardwareConfig, encode, simulate, trace_layer
from eie_backend.codegen.library import programs
from eie_backend.errors import ConfigError, InputError

seeds = st.integers(0, 2**32 - 1)
configs = st.builds(
    HardwareConfig,
    num_pe=st.one_of(st.integers(1, 6), st.sampled_from([20])),
    fifo_depth=st.one_of(st.integers(2, 5), st.sampled_from([8, 64])),
    codebook_bits=st.integers(2, 7),
)
densities = st.sampled_from([0.0, 0.05, 0.3, 1.0])


def random_layer(config, seed, density, active):
    rng = np.random.default_rng(seed)
    rows, cols = int(rng.integers(1, 40 * config.num_pe)), int(rng.integers(1, 40))
    codes = rng.integers(1, 4, (rows, cols)).astype(np.uint8) * (rng.random((rows, cols)) < density)
    codes[:, rng.random(cols) < rng.choice([0.0, 0.3])] = 0
    codes[rng.random(rows) < rng.choice([0.0, 0.9])] = 0
    bias = rng.integers(0, 2, rows).astype(np.uint8) if rng.random() < 0.5 else None
    x = rng.normal(size=cols) * (rng.random(cols) < active)
    x[: rng.integers(0, cols + 1)] *= rng.choice([1, 0])
    return encode(codes, [0, 0.5, -0.25, 1], config, bias), x.astype(np.float32)


class Perfetto:
    """A parsed trace: slices and instants by track name, counters by track name."""

    def __init__(self, data):
        packets = schema.Trace.FromString(data).packet
        names, notes, tracks = {}, {}, {}
        self.processes, self.units = [], {}
        self.slices, self.instants, self.counters = (defaultdict(list) for _ in range(3))
        opened = {}
        for packet in packets:
            names.update((n.iid, n.name) for n in packet.interned_data.event_names)
            notes.update((n.iid, n.name) for n in packet.interned_data.debug_annotation_names)
            if packet.HasField("track_descriptor"):
                described = packet.track_descriptor
                tracks[described.uuid] = described.name
                if described.HasField("process"):
                    self.processes.append(described.process.process_name)
                if described.HasField("counter"):
                    self.units[described.name] = described.counter.unit_name
            if not packet.HasField("track_event"):
                continue
            event, time = packet.track_event, packet.timestamp
            track = tracks[event.track_uuid]
            name = event.name or names.get(event.name_iid)
            about = {
                note.name or notes[note.name_iid]: getattr(note, note.WhichOneof("value"))
                for note in event.debug_annotations
            }
            if event.type == event.TYPE_SLICE_BEGIN:
                assert track not in opened
                opened[track] = (name, time, about)
            elif event.type == event.TYPE_SLICE_END:
                name, begin, about = opened.pop(track)
                self.slices[track].append((name, begin, time, about))
            elif event.type == event.TYPE_COUNTER:
                self.counters[track].append((time, event.counter_value))
            else:
                self.instants[track].append((name, time, about))
        assert not opened

    def by_edge(self, track, start, stop):
        """Return (name, column) of every edge; no edge is in two slices."""
        edges = [None] * (stop - start)
        for name, begin, end, about in self.slices[track]:
            for edge in range(begin - start, end - start):
                assert edges[edge] is None
                edges[edge] = (name, about.get("column"))
        return edges

    def queue(self, k, start, stop):
        """Return the columns that a queue holds after every edge."""
        held = np.zeros(stop - start, np.int64)
        for edge, value in self.counters[f"pe {k} act_queue"]:
            held[edge - start :] = value
        return held.tolist()


def everything(trace, num_pe):
    """Return what happened at every edge, for all units."""
    parsed = Perfetto(trace.data)
    tracks = ["ccu", *(f"pe {k}" for k in range(num_pe))]
    span = trace.start, trace.stop
    found = [parsed.by_edge(track, *span) for track in tracks]
    queues = [parsed.queue(k, *span) for k in range(num_pe)]
    return [list(edge) for edge in zip(*found, *queues, strict=True)]


def categories(edges, run):
    """Return edges by category and PE, counted in a trace."""
    return {
        name: [sum(edge[1 + k][0] == name for edge in edges) for k in range(run.config.num_pe)]
        for name in run.breakdown
    }


def check_sums(config, matrix, x):
    run = simulate(matrix, x, config)
    trace = trace_layer(matrix, x, config)
    edges = everything(trace, config.num_pe)
    assert (trace.start, trace.stop, trace.cycles, trace.limited) == (
        *(1, run.cycles + 1, run.cycles),
        False,
    )
    assert categories(edges, run) == {n: list(per_pe) for n, per_pe in run.breakdown.items()}
    broadcasts = [edge[0][1] for edge in edges if edge[0] and edge[0][0] == "broadcast"]
    active = np.append(np.flatnonzero(x), [matrix.cols] * matrix.has_bias_column)
    assert broadcasts == active[: len(broadcasts)].tolist()
    # Only columns without entries can be broadcast after the layer's end.
    assert not np.diff(matrix.pointers)[:, active[len(broadcasts) :].astype(int)].any()
    held = np.array([edge[1 + config.num_pe :] for edge in edges])
    occupancy = np.bincount(held.ravel(), minlength=config.queue_columns + 1)
    assert occupancy.tolist() == run.queue_occupancy.tolist()
    return run, edges


@settings(max_examples=60)
@given(config=configs, seed=seeds, density=densities, active=densities)
def test_sums_are_the_counters(config, seed, density, active):
    check_sums(config, *random_layer(config, seed, density, active))


@settings(max_examples=25)
@given(config=configs, seed=seeds, density=densities, active=densities, data=st.data())
def test_windows_joined_are_the_whole(config, seed, density, active, data):
    matrix, x = random_layer(config, seed, density, active)
    whole = trace_layer(matrix, x, config)
    edges = everything(whole, config.num_pe)
    cuts = sorted(data.draw(st.sets(st.integers(2, whole.cycles), max_size=4)))
    joined = []
    for start, stop in zip([1, *cuts], [*cuts, None], strict=True):
        part = trace_layer(matrix, x, config, window=(start, stop))
        assert (part.start, part.stop) == (start, stop or whole.stop)
        joined += everything(part, config.num_pe)
    assert joined == edges


@settings(max_examples=25)
@given(config=configs, seed=seeds, density=densities, active=densities, data=st.data())
def test_a_size_limit_ends_the_trace_at_a_whole_edge(config, seed, density, active, data):
    matrix, x = random_layer(config, seed, density, active)
    for form in ("perfetto", "vcd"):
        whole = trace_layer(matrix, x, config, form=form)
        least = 3000 + 1000 * config.num_pe
        limit = data.draw(st.integers(least, max(least, len(whole.data))))
        part = trace_layer(matrix, x, config, form=form, max_bytes=limit)
        assert len(part.data) <= limit
        assert part.limited == (part.stop < whole.stop)
        assert part.cycles == whole.cycles
        if form == "perfetto":
            edges = everything(whole, config.num_pe)[: part.stop - 1]
            assert everything(part, config.num_pe) == edges
            ((_, _, about),) = Perfetto(part.data).instants["trace"]
            assert about["ends_at_size_limit"] == str(part.limited).lower()
        else:
            assert Waves(part.data).edges == Waves(whole.data).edges[: part.stop - 1]
            assert (b"pass the size limit" in part.data) == part.limited


# Value change dumps


class Waves:
    """A parsed dump: for every edge the values by the signal's path."""

    def __init__(self, data):
        kinds = vcd.reader.TokenKind
        scope, paths, values, self.edges, self.start = [], {}, {}, [], None
        for token in vcd.reader.tokenize(io.BytesIO(data)):
            if token.kind is kinds.SCOPE:
                scope.append(token.scope.ident)
            elif token.kind is kinds.UPSCOPE:
                scope.pop()
            elif token.kind is kinds.VAR:
                paths[token.var.id_code] = ".".join([*scope, token.var.reference])
            elif token.kind is kinds.TIMESCALE:
                assert (int(token.timescale.magnitude), token.timescale.unit.value) == (1, "ns")
            elif token.kind is kinds.CHANGE_TIME:
                if self.start is None:
                    self.start = token.time_change
                else:
                    time = token.time_change - self.start
                    self.edges += [dict(values)] * (time - len(self.edges))
            elif token.kind in (kinds.CHANGE_VECTOR, kinds.CHANGE_STRING):
                change = (
                    token.vector_change
                    if token.kind is kinds.CHANGE_VECTOR
                    else token.string_change
                )
                values[paths[change.id_code]] = change.value

    def __getitem__(self, path):
        return [edge[path] for edge in self.edges]


def check_waves(config, matrix, x):
    """Compare the clock engine's waves with the event engine's tracks and with the counters."""
    run = simulate(matrix, x, config)
    dump = trace_layer(matrix, x, config, form="vcd")
    waves = Waves(dump.data)
    assert (waves.start, len(waves.edges), dump.stop) == (1, run.cycles, run.cycles + 1)
    parsed = Perfetto(trace_layer(matrix, x, config).data)
    ccu = [edge and edge[0] for edge in parsed.by_edge("ccu", 1, run.cycles + 1)]
    assert [None if a == "finished" else a for a in waves["ccu.activity"]] == ccu
    assert waves["ccu.broadcasts"][-1] == ccu.count("broadcast") <= run.counters["broadcasts"]
    held, issued, reads = [], 0, 0
    for k in range(config.num_pe):
        track = parsed.by_edge(f"pe {k}", 1, run.cycles + 1)
        busy = {"multiply": "entry", "padding": "entry", "empty_column": "empty_column"}
        assert waves[f"pe_{k}.ptr_read.activity"] == [busy.get(name, "idle") for name, _ in track]
        columns = ["z" if column is None else column for _, column in track]
        assert waves[f"pe_{k}.ptr_read.column"] == columns
        sizes = waves[f"pe_{k}.act_queue.size"]
        assert sizes == parsed.queue(k, 1, run.cycles + 1)
        held += sizes
        # An entry is fetched an edge after its issue.
        codes = waves[f"pe_{k}.spmat_read.code"]
        paddings = ["z", *("z" if n not in ("multiply", "padding") else n for n, _ in track[:-1])]
        assert [c if c == "z" else "padding" if c == 0 else "multiply" for c in codes] == paddings
        issued += sum(entry != "z" for entry in waves[f"pe_{k}.ptr_read.entry"])
        words = [word for word in waves[f"pe_{k}.spmat_read.word"] if word != "z"]
        reads += int(np.count_nonzero(np.diff(words, prepend=-1)))
        writes = waves[f"pe_{k}.act_rw.row"]
        assert writes[3:] == waves[f"pe_{k}.arith.decoded_row"][:-3]
    assert issued == run.counters["entries"]
    assert reads == run.counters["spmat_reads"]
    occupancy = np.bincount(held, minlength=config.queue_columns + 1)
    assert occupancy.tolist() == run.queue_occupancy.tolist()


@settings(max_examples=30)
@given(config=configs, seed=seeds, density=densities, active=densities)
def test_waves_show_what_the_tracks_do(config, seed, density, active):
    check_waves(config, *random_layer(config, seed, density, active))


def test_waves_hold_the_activations_and_the_sums():
    config = HardwareConfig(num_pe=1)
    matrix = encode([[1, 1]], [0, 2], config)
    x = np.array([1.5, -4], np.float32)
    waves = Waves(trace_layer(matrix, x, config, "float32", form="vcd").data)
    bits = [int(word) for word in x.view(np.uint32)]
    assert [v for v in waves["pe_0.act_queue.value"] if v != "z"] == bits
    sums = [int(word) for word in np.array([3, -5], np.float32).view(np.uint32)]
    assert [v for v in waves["pe_0.act_rw.value"] if v != "z"] == sums


@settings(max_examples=15)
@given(config=configs, seed=seeds, data=st.data())
def test_windows_of_waves_joined_are_the_whole(config, seed, data):
    matrix, x = random_layer(config, seed, 0.3, 0.3)
    whole = trace_layer(matrix, x, config, form="vcd")
    cut = data.draw(st.integers(2, whole.cycles))
    parts = [
        Waves(trace_layer(matrix, x, config, form="vcd", window=window).data)
        for window in ((1, cut), (cut, None))
    ]
    assert parts[1].start == cut
    assert parts[0].edges + parts[1].edges == Waves(whole.data).edges


# Programs

SMALL = HardwareConfig(num_pe=4, fifo_depth=3, act_registers=4, accumulator_bits=32)


@pytest.fixture(scope="module", params=["register", "column"])
def compiled(request, make_mlp):
    """Return a program of layers and tiles, and ten samples in five batches."""
    x = np.random.default_rng(4).normal(size=(10, 40)).astype(np.float32)
    x *= np.random.default_rng(5).random(x.shape) < 0.6
    recipe = eie.Recipe(density=0.4)
    mod = eie.from_onnx(make_mlp(40, 30, 10, batch=2))
    return eie.compile(mod, SMALL, recipe=recipe, bias=request.param), x


def of_sample(model, x, sample):
    """Return the profile of one sample."""
    pair = x[[sample, sample]]
    report = eie.profile(model, pair)
    return {layer.name: layer for layer in report.layers}


@pytest.mark.parametrize("sample", [0, 1, 7])
def test_layers_of_a_sample(compiled, sample):
    model, x = compiled
    profiles = of_sample(model, x, sample)
    trace = eie.trace(model, x, sample=sample)
    parsed = Perfetto(trace.data)
    edges = everything(trace, 4)
    layers = {name: (begin, end) for name, begin, end, _ in parsed.slices["layers"]}
    assert list(layers) == ["fc1", "fc2"]
    assert [begin for begin, _ in layers.values()] == [1, layers["fc1"][1]]
    for name, (begin, end) in layers.items():
        profile = profiles[name]
        assert 2 * (end - begin) == profile.counters["cycles"]
        for category, both in profile.breakdown.items():
            found = sum(unit[0] == category for e in edges[begin - 1 : end - 1] for unit in e[1:5])
            assert 2 * found == both
        held = np.array([e[5:] for e in edges[begin - 1 : end - 1]])
        occupancy = 2 * np.bincount(held.ravel(), minlength=SMALL.queue_columns + 1)
        assert tuple(occupancy) == profile.queue_occupancy


def test_instructions_are_those_of_the_program(compiled):
    model, x = compiled
    (program,) = programs(model)
    parsed = Perfetto(eie.trace(model, x).data)
    mvms, others = parsed.slices["instructions"], parsed.instants["instructions"]
    steps = [(step.instruction, dict(step.operands)) for step in program.steps]
    operands = [set(names) for _, names in steps]

    def instruction(name, about):
        own = next(o for n, o in steps if n == name)
        return name, {key: about[key] for key in own}

    assert operands
    assert [instruction(n, a) for n, _, _, a in mvms] == [s for s in steps if s[0] == "mvm"]
    assert [instruction(n, a) for n, _, a in others] == [s for s in steps if s[0] != "mvm"]
    assert len(mvms) > 2  # tiles
    for (_, _, end, _), (_, begin, _, _) in pairwise(mvms):
        assert begin == end
    loads = sum(about.get("load_cycles", 0) for _, _, about in others)
    profiles = of_sample(model, x, 0).values()
    assert 2 * loads == sum(profile.counters["load_cycles"] for profile in profiles)


@pytest.mark.parametrize("form", ["perfetto", "vcd"])
def test_a_layer_alone_is_its_part_of_the_whole(compiled, form):
    model, x = compiled
    whole = eie.trace(model, x, form)
    parts = [eie.trace(model, x, form, layer=name) for name in ("fc1", "fc2")]
    assert [part.start for part in parts] == [1, 1]
    assert sum(part.cycles for part in parts) == whole.cycles
    read = (lambda t: everything(t, 4)) if form == "perfetto" else (lambda t: Waves(t.data).edges)
    assert read(parts[0]) + read(parts[1]) == read(whole)


@pytest.mark.parametrize("form", ["perfetto", "vcd"])
def test_windows_across_layers(compiled, form):
    model, x = compiled
    whole = eie.trace(model, x, form)
    cuts = [1, 60, whole.cycles // 2, whole.cycles - 3, None]
    read = (lambda t: everything(t, 4)) if form == "perfetto" else (lambda t: Waves(t.data).edges)
    parts = [eie.trace(model, x, form, window=window) for window in pairwise(cuts)]
    assert [edge for part in parts for edge in read(part)] == read(whole)


def test_waves_of_a_program_show_what_the_tracks_do(compiled):
    model, x = compiled
    waves = Waves(eie.trace(model, x, "vcd").data)
    trace = eie.trace(model, x)
    parsed = Perfetto(trace.data)
    for k in range(4):
        assert waves[f"pe_{k}.act_queue.size"] == parsed.queue(k, 1, trace.stop)
    (program,) = programs(model)
    steps = [n for n, step in enumerate(program.steps) if step.instruction == "mvm"]
    assert list(dict.fromkeys(waves["program.step"])) == steps


@pytest.mark.parametrize("form", ["perfetto", "vcd"])
def test_tracing_changes_nothing_and_is_the_same_again(compiled, form):
    model, x = compiled
    before = eie.profile(model, x)
    first = eie.trace(model, x, form, sample=3)
    after = eie.profile(model, x)
    assert after.to_json() == before.to_json()
    assert after.outputs[0].tobytes() == before.outputs[0].tobytes()
    assert eie.trace(model, x, form, sample=3) == first


def test_a_size_limit_of_a_program(compiled):
    model, x = compiled
    whole = eie.trace(model, x)
    edges = everything(whole, 4)
    for limit in range(4000, len(whole.data), 997):
        part = eie.trace(model, x, max_bytes=limit)
        assert len(part.data) <= limit
        assert part.limited
        assert everything(part, 4) == edges[: part.stop - 1]
    assert eie.trace(model, x, max_bytes=100 * len(whole.data)) == whole


def test_the_trace_says_what_it_is(compiled):
    model, x = compiled
    trace = eie.trace(model, x, sample=1, window=(5, 50))
    parsed = Perfetto(trace.data)
    (process,) = parsed.processes
    assert process.endswith("4 PEs, int16, 1 cycle = 1 ns")
    ((_, time, about),) = parsed.instants["trace"]
    assert time == 5
    assert about["clock"].startswith("1 ns is one clock cycle")
    assert (about["first_edge"], about["last_edge"], about["sample"]) == (5, 49, 1)
    assert about["edges_of_the_run"] == trace.cycles
    assert about["fifo_depth"] == 3
    assert parsed.units == {f"pe {k} act_queue": "columns" for k in range(4)}


# Faults


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"form": "csv"}, ConfigError, "form 'csv' is unknown; choose one of perfetto, vcd"),
        ({"layer": "fc9"}, ConfigError, "layer 'fc9' is unknown; choose one of fc1, fc2"),
        ({"sample": 10}, InputError, "sample 10: the inputs hold 10, counted from 0"),
        ({"sample": -1}, ConfigError, "sample = -1: samples count from 0"),
        ({"window": (0, 5)}, ConfigError, "window = 0:5: edges count from 1"),
        ({"window": (5, 5)}, ConfigError, "window = 5:5: edges count from 1"),
        (
            {"window": (10**6, None)},
            ConfigError,
            r"window = 1000000: begins past the last edge, \d+",
        ),
        ({"max_bytes": 1000}, ConfigError, "max_bytes = 1000: too small for one edge on 13 tracks"),
        ({"max_bytes": 0}, ConfigError, "max_bytes = 0"),
        ({"max_bytes": 1000, "form": "vcd"}, ConfigError, "max_bytes = 1000: too small"),
    ],
)
def test_faults(compiled, options, error, message):
    model, x = compiled
    with pytest.raises(error, match=message):
        eie.trace(model, x, **options)


@pytest.mark.parametrize("num_pe", [1, 64, 1024])
def test_the_size_that_an_error_asks_for_is_enough(num_pe):
    config = HardwareConfig(num_pe=num_pe)
    matrix, x = encode(np.ones((num_pe, 2), np.uint8), [0, 1], config), np.ones(2)
    with pytest.raises(ConfigError, match="allow at least") as error:
        trace_layer(matrix, x, config, max_bytes=1)
    least = int(str(error.value).split()[-1])
    assert trace_layer(matrix, x, config, max_bytes=least).stop > 1


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "perfetto.protos.perfetto.trace", None)
    config = HardwareConfig(num_pe=1)
    message = (
        r"Perfetto traces need the package perfetto: pip install '\.\[viz\]' in eie's checkout"
    )
    with pytest.raises(ConfigError, match=message):
        trace_layer(encode([[1]], [0, 1], config), [1], config)


@pytest.mark.nightly
def test_alex8(alex8):
    config = HardwareConfig()
    matrix = encode(alex8["codes"], alex8["codebook"], config, alex8["bias_codes"])
    run = simulate(matrix, alex8["activations"], config, "float32")
    trace = trace_layer(matrix, alex8["activations"], config, "float32")
    assert trace.cycles == run.cycles == 7926
    parsed = Perfetto(trace.data)
    for k in range(64):
        sums = dict.fromkeys(run.breakdown, 0)
        for name, begin, end, _ in parsed.slices[f"pe {k}"]:
            sums[name] += end - begin
        assert sums == {name: per_pe[k] for name, per_pe in run.breakdown.items()}
    held = np.bincount([n for k in range(64) for n in parsed.queue(k, 1, 7927)], minlength=8)
    assert held.tolist() == run.queue_occupancy.tolist()
    dump = trace_layer(matrix, alex8["activations"], config, "float32", form="vcd", max_bytes=10**6)
    assert dump.limited
    assert len(dump.data) <= 10**6
