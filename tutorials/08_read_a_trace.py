"""
8. Read a trace: find a stall, and remove it
============================================

A layer takes almost three times the cycles that its weights need. Which PE is to blame, and when?

First in a picture, then in the two viewers that show every edge: Perfetto and GTKWave. This page
needs ``pip install '.[viz]' pyvcd``.
"""

# %%
# A layer with a heavy PE
# -----------------------
#
# Four PEs; PE k holds the rows k, k + 4, k + 8, ... of the matrix. In the first half of the
# columns, the rows of PE 0 keep most of their weights, all others an eighth.

import io
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
from perfetto.protos.perfetto.trace import perfetto_trace_pb2
from vcd import gtkw, reader

import eie_backend as eie
from eie_backend.tuning.row_orders import spread

rng = np.random.default_rng(0)
config = eie.HardwareConfig(num_pe=4, fifo_depth=4)
keep = np.full((32, 24), 1 / 8)
keep[::4, :12] = 7 / 8
codes = (rng.random(keep.shape) < keep).astype(np.uint8)
codebook = [0.0, 0.5]
x = rng.normal(size=24).astype(np.float32)

matrix = eie.encode(codes, codebook, config)
run = eie.simulate(matrix, x, config)
print("entries by PE:", matrix.entries_per_pe.tolist(), " cycles:", run.cycles)

# %%
# PEs work side by side: spread evenly, 155 entries would take about 39 cycles and a few more to
# start and to end. The breakdown says how PE edges were spent, and ``blocking`` at how many edges a
# PE's full queue held a broadcast back:

print("waiting: ", run.breakdown["waiting"].tolist())
print("blocking:", run.blocking.tolist())
assert run.blocking[0] > 0
assert not run.blocking[1:].any()

# %%
# PE 0 blocks, the others wait. That is *who*; the trace says *when*.
#
# The picture
# -----------

eie.trace_layer(matrix, x, config, form="svg")

# %%
# A row per unit, clock edges from left to right. Read it like this:
#
# - The black line in a row is the PE's queue. In PE 0 it climbs at once and lies at the top: full.
# - The CCU broadcasts a column to all PEs or to none. While one queue is full it is ``held_back``.
# - The other PEs have emptied their queues long before: they are ``waiting``, with the same look.
#   Meanwhile PE 0 multiplies without a pause. It is the bottleneck.
# - When the heavy columns are over, the CCU is free again, and PE 0 works off its queue.
#
# ``eie trace model.so --input samples.npy -o timeline.svg --layer fc1`` draws a layer of a compiled
# model. A picture shows up to 2,000 edges; ``--window FROM:TO`` chooses them.
#
# Perfetto
# --------
#
# The same run as a file for the trace viewer `ui.perfetto.dev <https://ui.perfetto.dev>`_, which
# works in the browser and sends the file nowhere:

folder = Path(tempfile.mkdtemp())
trace = eie.trace_layer(matrix, x, config)
(folder / "stall.perfetto-trace").write_bytes(trace.data)
trace

# %%
# *Open trace file*, then click on the process (``eie: 4 PEs ...``) to unfold its tracks.
#
# - ``W`` and ``S`` zoom in and out, ``A`` and ``D`` go left and right; ``F`` shows the slice that
#   is selected, ``M`` marks its span.
# - A click on a slice of ``ccu`` named ``held_back`` shows when it began and how long it lasted:
#   1 ns is one clock cycle.
# - Straight below it, which ``pe K act_queue`` is at 3? That queue is full, and its PE blocks.
# - A click on a ``multiply`` slice shows the column, in *Arguments*.
#
# The *Query (SQL)* page adds up what the eye estimates::
#
#     select track.name as track, slice.name as activity, sum(slice.dur) as edges
#     from slice join track on slice.track_id = track.id
#     where slice.name in ('waiting', 'held_back')
#     group by track.name, slice.name
#
# The file's answer, added up here by Perfetto's own protobuf classes:


def edges_by_track(data):
    """Return how many edges every track spends on every kind of slice."""
    tracks, names, opened, edges = {}, {}, {}, Counter()
    for packet in perfetto_trace_pb2.Trace.FromString(data).packet:
        names.update((name.iid, name.name) for name in packet.interned_data.event_names)
        if packet.HasField("track_descriptor"):
            tracks[packet.track_descriptor.uuid] = packet.track_descriptor.name
        event = packet.track_event
        if event.type == event.TYPE_SLICE_BEGIN:
            name = event.name or names[event.name_iid]
            opened[event.track_uuid] = name, packet.timestamp
        elif event.type == event.TYPE_SLICE_END:
            name, begin = opened.pop(event.track_uuid)
            edges[tracks[event.track_uuid], name] += packet.timestamp - begin
    return edges


edges = edges_by_track(trace.data)
for (track, name), count in sorted(edges.items()):
    if name in ("waiting", "held_back"):
        print(f"{track:6} {name:10} {count:4}")
assert [edges[f"pe {k}", "waiting"] for k in range(4)] == run.breakdown["waiting"].tolist()

# %%
# Slices are the breakdown, edge by edge: the sums are equal.
#
# GTKWave
# -------
#
# Waveforms show registers instead of activities: use them to see *why* a unit does what it does.
# They come from the simulator's clock engine. A save file tells GTKWave which signals to show, so
# that ``gtkwave stall.gtkw`` needs no clicks:

waves = eie.trace_layer(matrix, x, config, form="vcd")
(folder / "stall.vcd").write_bytes(waves.data)
scope, signals = [], {}
for token in reader.tokenize(io.BytesIO(waves.data)):
    if token.kind is reader.TokenKind.SCOPE:
        scope.append(token.scope.ident)
    elif token.kind is reader.TokenKind.UPSCOPE:
        scope.pop()
    elif token.kind is reader.TokenKind.VAR:
        signals[".".join([*scope, token.var.reference])] = token.var

shown = ["ccu.activity", "ccu.broadcasts"]
shown += [f"pe_{k}.{name}" for k in (0, 1) for name in ("act_queue.size", "ptr_read.activity")]
with (folder / "stall.gtkw").open("w") as file:
    save = gtkw.GTKWSave(file)
    save.dumpfile(str(folder / "stall.vcd"))
    save.zoom_markers(-2.0)
    for name in shown:
        is_number = name.endswith(("size", "broadcasts"))
        save.trace(name, datafmt="dec" if is_number else "ascii")
print("\n".join(shown))
assert all(name in signals for name in shown)

# %%
# By hand: open ``stall.vcd``, unfold the tree at the upper left, and append these signals. A
# waveform shows what a register holds after an edge, and the CCU decides by what it held before.
# So where ``ccu.activity`` reads ``held_back``, look one edge to the left: ``pe_0.act_queue.size``
# is 3, the queue's most. Let us check that at every edge:

by_code = {signals[name].id_code: name for name in shown}
held, value = [], {}
for token in reader.tokenize(io.BytesIO(waves.data)):
    if token.kind is reader.TokenKind.CHANGE_TIME:
        held.append(dict(value))
    elif token.kind is reader.TokenKind.CHANGE_VECTOR:
        value[by_code.get(token.vector_change.id_code)] = token.vector_change.value
    elif token.kind is reader.TokenKind.CHANGE_STRING:
        value[by_code.get(token.string_change.id_code)] = token.string_change.value
sizes = [
    before["pe_0.act_queue.size"]
    for before, after in pairwise(held)
    if after.get("ccu.activity") == "held_back"
]
print(f"held back at {len(sizes)} edges; one before, PE 0's queue holds {set(sizes)}")
assert len(sizes) == edges["ccu", "held_back"]
assert set(sizes) == {config.queue_columns}

# %%
# The remedy
# ----------
#
# A deeper queue lets the CCU run ahead. It helps where the load evens out later: here PE 0 also has
# the most work in sum, so a deep queue takes the waiting away, but not one cycle: those who waited
# in the middle now are idle at the end (``drain``).

deep = eie.HardwareConfig(num_pe=4, fifo_depth=64)
deep_run = eie.simulate(matrix, x, deep)
print("queue of 64:", deep_run.cycles, "cycles, waiting", deep_run.breakdown["waiting"].tolist())
assert not deep_run.breakdown["waiting"].any()
assert deep_run.cycles == run.cycles

# %%
# What helps is another order of the rows, which hands the heavy rows to all PEs in turn. The
# compiler does that with ``eie compile --balance auto`` (``balance="auto"``), and puts the outputs
# back in their order. Here by hand:

order = spread(codes.astype(np.float32).sum(axis=1, keepdims=True), config)
balanced = eie.encode(codes[order], codebook, config)
after = eie.simulate(balanced, x, config)
print("balanced:", balanced.entries_per_pe.tolist(), " cycles:", after.cycles)
assert np.allclose(after.output, run.output[order])
assert 2 * after.cycles < run.cycles

# %%

eie.trace_layer(balanced, x, config, form="svg")

# %%
# All rows are blue. The CCU is still held back now and then, but while it is, the others have
# columns in their queues: hardly one waits. What is left of waiting is the price of short queues;
# :doc:`the design space <07_design_space>` asks what depth is worth its area.
