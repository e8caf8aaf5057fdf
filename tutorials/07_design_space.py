"""
7. The design space
===================

How many PEs, how deep a queue, how wide a memory word, how many bits? What the paper chose, and
what another network would want.

Everything here is exact simulation, except where the analytical model is named.
"""

# %%
# Every size of the machine is a field of ``HardwareConfig``; the defaults are the paper's. The
# paper's layers are generated from their sizes and densities: Alex-7, a dense layer of AlexNet,
# has 4096 inputs and outputs, 9 % of its weights and 35 % of its inputs. NT-We, a small layer of
# a caption network, goes from 4096 to 600.

from dataclasses import replace
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np

import eie_backend as eie
from eie_backend.machine.energy import area_mm2, energy_pj
from eie_backend.show.drawing import COLORS, STYLE
from eie_backend.workloads import TABLE_III, generate

plt.rcParams.update(STYLE)
paper = eie.HardwareConfig()
layers = {name: generate(TABLE_III[name]) for name in ("Alex-7", "NT-We")}
paper


# %%
def run(layer, config):
    """Run one layer on one machine; cycles and counters only."""
    return eie.simulate(layer.encode(config), layer.activations, config)


for name, layer in layers.items():
    found = run(layer, paper)
    print(
        f"{name}: {found.cycles:,} cycles, {found.microseconds:.1f} us, "
        f"load balance {found.load_balance:.0%}"
    )

# %%
# Queue depth
# -----------
#
# While one PE falls behind, its queue lets the others go on. A queue of depth 2 holds one column;
# each doubling smooths more.

depths = [2, 4, 8, 16, 32, 64]
balance = {
    name: [run(layer, replace(paper, fifo_depth=depth)).load_balance for depth in depths]
    for name, layer in layers.items()
}
figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
for (name, values), mark, color in zip(balance.items(), "os", COLORS, strict=False):
    axes.plot(depths, [100 * value for value in values], mark + "-", color=color, label=name)
axes.set_xscale("log", base=2)
axes.set_xticks(depths, depths)
axes.set(xlabel="queue depth (slots)", ylabel="load balance (%)", ylim=(0, 100))
axes.legend(frameon=False)
plt.show()

gain = balance["Alex-7"][3] - balance["Alex-7"][2]
print(f"from 8 to 16 slots Alex-7 gains {100 * gain:.1f} points")
assert 0 <= gain < 0.05

# %%
# From 8 on there is little to win: the paper's choice. NT-We stays behind at any depth. Of its
# columns a PE holds about one entry (600 rows, 10 % full, over 64 PEs), often none, and no queue
# changes that.
#
# Number of PEs
# -------------
#
# More PEs share the same work, until each has too little of it. Cycles fall, area grows with P,
# and so does energy, if more slowly: every PE looks up every column, also where it has no
# entries.

counts = [16, 32, 64, 128, 256]
print(" PEs |     cycles  speedup  mm2     nJ | (Alex-7)")
results = {}
for num_pe in counts:
    config = replace(paper, num_pe=num_pe)
    found = results[num_pe] = run(layers["Alex-7"], config)
    energy = sum(energy_pj(found.counters, config).values()) / 1000
    speedup = results[16].cycles / found.cycles
    print(
        f"{num_pe:4} | {found.cycles:10,} {speedup:7.1f}x {area_mm2(config):5.1f} {energy:6,.0f} |"
    )

# %%
# The analytical model
# --------------------
#
# Thousands of designs are too many to simulate. ``estimate`` knows a layer's sizes and densities
# only, and takes a fraction of a millisecond (:doc:`/analytical`). How good is it here?

print(" PEs | simulated  estimated    off")
for num_pe in counts:
    estimated = eie.estimate(TABLE_III["Alex-7"], replace(paper, num_pe=num_pe)).cycles
    exact = results[num_pe].cycles
    print(f"{num_pe:4} | {exact:9,} {estimated:10,.0f} {estimated / exact - 1:+7.1%}")
    assert abs(estimated / exact - 1) < 0.05

# %%
# So it can look at every combination. A design is worth considering if no other is both faster
# and smaller; those are the Pareto front.

designs = [
    replace(paper, num_pe=num_pe, fifo_depth=depth, spmat_width_bits=width)
    for num_pe in range(8, 257, 8)
    for depth in (4, 8, 16)
    for width in (32, 64, 128)
]
points = []
for config in designs:
    estimate = eie.estimate(TABLE_III["Alex-7"], config)
    energy = sum(estimate.energy_pj.values()) / 1e3
    points.append((estimate.cycles, area_mm2(config), energy, config))
front = [
    point
    for point in points
    if not any(o[0] < point[0] and o[1] <= point[1] and o[2] <= point[2] for o in points)
]
print(f"{len(designs)} designs, {len(front)} on the front of cycles, area and energy")

figure, axes = plt.subplots(figsize=(5.4, 3.4), layout="constrained")
drawn = axes.scatter(*zip(*(p[:2] for p in points), strict=True), c=[p[2] for p in points], s=14)
ours = eie.estimate(TABLE_III["Alex-7"], paper).cycles
axes.plot(ours, area_mm2(paper), "*", markersize=13, color=COLORS[1], label="the paper's machine")
axes.set(xscale="log", yscale="log", xlabel="cycles (estimated)", ylabel="area (mm2)")
axes.legend(frameon=False)
figure.colorbar(drawn, label="energy (nJ)")
plt.show()

# %%
# Word width
# ----------
#
# A weight memory of wider words is read less often, but each read costs more, and of a column's
# last word a part is not used. A word of 64 bits holds 8 entries.

print("bits | words read   nJ of weight memory")
for width in (32, 64, 128, 256):
    config = replace(paper, spmat_width_bits=width)
    counters = run(layers["Alex-7"], config).counters
    energy = energy_pj(counters, config)["spmat_read"] / 1000
    print(f"{width:4} | {counters['spmat_reads']:10,} {energy:9,.0f}")

# %%
# Which width is best depends on what a read of each memory costs; how Figure 9 of the paper comes
# to 64 bits, and what speaks against it, is on the page :doc:`/reproduction`.
#
# Bits
# ----
#
# An entry has 8 bits. What the code takes, the zero run does not have, and a longer run costs
# padding entries. With 9 % of the weights, runs are about ten zeros long:

print("bits of code and run | longest run  paddings   cycles")
for bits in (4, 5, 6):
    config = replace(paper, codebook_bits=bits)
    found = run(layers["Alex-7"], config)
    paddings = found.counters["padding_entries"] / found.counters["entries"]
    sizes = f"{bits:12} {config.index_bits:7}"
    print(f"{sizes} | {config.max_run:11} {paddings:9.1%} {found.cycles:8,}")

# %%
# With 4 and 4 every sixth entry is a padding; with 6 and 2 most are. How many values a layer
# needs is a question of accuracy (:doc:`03_prune_share_retrain`), as is whether the arithmetic
# needs 16 bits or 8: ``eie reproduce --figure 10`` answers that for both LeNets.
#
# A network of one's own
# ----------------------
#
# A whole network is compiled for each machine and runs with real inputs. LeNet-300-100 has layers
# a hundred times smaller than Alex-7. How many PEs should it have, and how deep a queue?

data = files("eie_backend") / "data"
with np.load(str(data / "mnist_test_1000.npz")) as digits:
    images = digits["images"][:50].reshape(-1, 1, 28, 28).astype(np.float32) / 255
lenet = eie.from_onnx(data / "lenet_300_100.eiez", {"batch": 50})

print("PEs | cycles per image with 2, 8 and 32 slots")
cycles = {}
for num_pe in (4, 16, 64):
    for depth in (2, 8, 32):
        config = replace(paper, num_pe=num_pe, fifo_depth=depth)
        report = eie.profile(eie.compile(lenet, config, calibration=images), images)
        cycles[num_pe, depth] = sum(layer.cycles_per_sample for layer in report.layers)
    print(f"{num_pe:3} | " + " ".join(f"{cycles[num_pe, depth]:8.1f}" for depth in (2, 8, 32)))

assert cycles[16, 8] < 1.6 * cycles[64, 8]

# %%
# Sixteen times the PEs make it less than five times faster: a column of LeNet has too few entries
# for 64 PEs. With 16 an image takes 1.5 times as long, on a quarter of the area.
#
# The fewer the PEs, the less the queue matters. Going from 8 slots to 2 costs two thirds more
# cycles on 64 PEs, but 15 % on 4, where each has enough work in every column to keep up with the
# others. More than 8 slots never gain much: the paper's choice holds here, too.
