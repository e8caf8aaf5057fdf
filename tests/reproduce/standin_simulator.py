"""A stand-in for the EIE authors' simulator, written from the description of its files and timing.

It knows nothing of the package: it reads ``src/params.h`` and ``data``, and computes cycles with
the recurrence over (broadcast column, PE). The stored result must lie where theirs does.
"""

import re
from pathlib import Path

import numpy as np

sizes = {
    name: int(value)
    for name, value in re.findall(r"const int (\w+) = (\d+);", Path("src/params.h").read_text())
}
num_pe, depth, inputs = sizes["NUM_PE"], sizes["NZFETCH_buffersize"], sizes["ACT_length"]
pointers = np.stack([np.fromfile(f"data/ptr/ptr{k}.dat", np.uint32) for k in range(num_pe)])
assert pointers.shape == (num_pe, sizes["PTRVEC_num_lines"])
entries = [np.fromfile(f"data/spm/spm{k}.dat", np.uint32).reshape(-1, 2) for k in range(num_pe)]
assert [len(part) for part in entries] == pointers[:, -1].tolist()
assert max(map(len, entries)) <= sizes["SPMAT_num_lines"] * sizes["SPMAT_unit_line"]
codebook = np.fromfile("data/arithm.dat", np.float32)
acts = np.fromfile("data/act.dat", np.float32)
assert codebook.shape == (16,) and acts.shape == (inputs,)

rows = -(-inputs // num_pe)
scan = np.zeros((rows + 1, num_pe), np.float32)
scan.flat[:inputs] = acts
scan[rows, 0] = 1  # the bias's constant

lengths = np.diff(pointers.astype(int), axis=1)
broadcast, enters = 0, 1
pops, last, free = [], np.zeros(num_pe, int), np.zeros(num_pe, int)
sums = np.zeros((-(-sizes["ACTRW_maxcapacity"] // num_pe), num_pe), np.float32)
for row, values in enumerate(scan):
    active = np.flatnonzero(values > 0)
    earliest = enters + 1
    for position in active:
        column = row * num_pe + position
        oldest = len(pops) - depth + 1
        room = 1 + pops[oldest].max() if oldest >= 0 else 0
        broadcast = max(earliest, room)
        pop = np.maximum(broadcast + 1, free)
        pops.append(pop)
        length = lengths[:, column]
        free = pop + np.maximum(length, 1)
        last = np.where(length, pop + length - 1, last)
        earliest = broadcast + 1
        for k in range(num_pe):
            local = -1
            for code, run in entries[k][pointers[k, column] : pointers[k, column + 1]]:
                local += int(run) + 1
                if code:
                    sums[local, k] += codebook[code] * values[position]
    enters = enters + 1 if not active.size else broadcast + (active[-1] != num_pe - 1)
sums.tofile("data/output.dat")
print(f">>> One layer done, cycles:{last.max() + 6}")
