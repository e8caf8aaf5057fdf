"""The same inputs give the same bytes, whatever the hash seed, the threads and the folder."""

import os
import subprocess
import sys

import numpy as np
import onnx

COMPILE = """
import numpy, sys
import eie_backend as eie
from eie_backend.isa.image import encode_image
from eie_backend.codegen.library import programs

library = eie.compile(
    eie.from_onnx("model.onnx"),
    eie.HardwareConfig(num_pe=8),
    recipe=eie.Recipe(density={"fc*": 0.5}, bits={"fc1": 3, "fc2": 4}),
    calibration=numpy.load("x.npy"),
)
for number, program in enumerate(programs(library)):
    with open(f"{number}.eieimg", "wb") as file:
        file.write(encode_image(program))
eie.export_library(library, sys.argv[1])
"""


def test_compiled_files_are_the_same_bytes(tmp_path, make_mlp):
    running = {}
    for seed, threads in ((0, 1), (1, 2), (4242, 5)):
        folder = tmp_path / f"seed_{seed}"
        folder.mkdir()
        onnx.save(make_mlp(48, 40, 24, 10), folder / "model.onnx")
        np.save(folder / "x.npy", np.linspace(-1, 1, 8 * 48, dtype=np.float32).reshape(8, 48))
        names = ("TVM_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = dict.fromkeys(names, str(threads)) | {"PYTHONHASHSEED": str(seed)}
        command = [sys.executable, "-c", COMPILE, f"model_{seed}.so"]
        running[folder] = subprocess.Popen(command, cwd=folder, env=os.environ | environment)
    assert [process.wait() for process in running.values()] == [0, 0, 0]
    for pattern, count in (("*.eieimg", 1), ("*.so", 1)):
        files = [path for folder in running for path in sorted(folder.glob(pattern))]
        assert len(files) == count * len(running)
        assert len({path.read_bytes() for path in files}) == count
