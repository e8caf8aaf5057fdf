"""The clock engine's limits are invariants: they fail loudly and show every unit."""

import os
import shlex
import subprocess
from pathlib import Path

from eie_backend import HardwareConfig, encode
from eie_backend.isa.image.records import encode_matrix

RUNTIME = Path(__file__).parents[2] / "runtime"
FLAGS = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined")

FAULTS = """\
no fault
no fault
act_queue overflows: push to act_queue: 2 of 2 columns, first is 0
act_queue underflows: pop from act_queue: 0 of 2 columns
clock engine: nothing moved for 16 edges at edge 18
ccu: 1 rows entered, 0 columns broadcast, held back by a full queue
lnzd: 1 non-zeros, leading is column 0
pe 0
  act_queue: 0 of 0 columns
  ptr_read: next entry 0 of a column that ends at 0
  spmat_read: word -1
  arith: local row -1
  act_rw: 1 source registers read

"""


def test_faults_are_errors_that_describe_the_units(tmp_path):
    matrix = encode([[1]], [0, 1], HardwareConfig(num_pe=1))
    (tmp_path / "matrix").write_bytes(encode_matrix(matrix))
    core = [c for c in RUNTIME.glob("*/*.cc") if c.parent.name not in ("bridge", "tests")]
    sources = [Path(__file__).with_name("clock_units.cc"), *sorted(core)]
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    program = tmp_path / "clock_units"
    subprocess.run(
        [*compiler, *FLAGS, "-pthread", "-I", RUNTIME, *sources, "-o", program],
        check=True,
    )
    done = subprocess.run(
        [program, tmp_path / "matrix"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == (FAULTS, "")
