"""
11. A script of the Relay days
==============================

``relay.build``, ``lib["default"](dev)``, ``set_input``, ``run``, ``get_output``: what becomes of a
script written for Relay and the graph executor? It changes four marked lines.

Relay left TVM with version 0.20, and the graph executor with it. ``eie_backend.relay`` keeps their
calls, on top of Relax. It cannot keep Relay's IR: a module that you print is Relax.
"""

# %%

import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import tvm

from eie_backend import relay  # was: from tvm import relay
from eie_backend.relay import graph_executor  # was: from tvm.contrib import graph_executor

DATA = files("eie_backend") / "data"
with np.load(str(DATA / "mnist_test_1000.npz")) as data:
    images = data["images"][:100].reshape(-1, 1, 28, 28).astype(np.float32) / 255
    labels = data["labels"][:100]

model = onnx.load(str(DATA / "lenet_300_100.onnx"))

# %%
# Import, build, export, load: as ever, but for the library's loader, which checks that the file is
# whole.

mod, params = relay.frontend.from_onnx(model, {"image": images.shape})

target = "eie"
with tvm.transform.PassContext(opt_level=3):
    lib = relay.build(mod, target=target, params=params)

path = Path(tempfile.mkdtemp()) / "lenet.so"
lib.export_library(path)
lib = relay.load_module(path)  # was: tvm.runtime.load_module(path)

# %%
# The machine needs its weights when it is compiled for. So they are constants in ``mod``, and
# ``params`` is empty, as Relay's importer left it with ``freeze_params=True``. A module whose
# weights are inputs is built with their values as ``params``.

dev = tvm.cpu()
module = graph_executor.GraphModule(lib["default"](dev))
module.set_input("image", tvm.runtime.tensor(images))  # was: tvm.nd.array(images)
module.run()
scores = module.get_output(0).numpy()

accuracy = np.mean(np.argmax(scores, axis=1) == labels)
print(f"accuracy of the first 100 digits: {accuracy:.0%}")
assert accuracy > 0.95

# %%
# What a script may have had beside that:
#
# .. list-table::
#    :header-rows: 1
#    :widths: 40 60
#
#    * - then
#      - now
#    * - ``tvm.device(str(target))``
#      - ``tvm.cpu()``: the device is the host's, which drives the machine
#    * - ``module.set_input(**params)``
#      - nothing: the library has the weights
#    * - ``module.benchmark(dev)``
#      - ``eie_backend.profile(path, images)`` counts the machine's cycles. A clock on the wall
#        would measure the simulator.
#    * - ``print(mod)``, passes over Relay
#      - the same with Relax, as in :doc:`tutorial 4 <04_own_pass>`
#
# The target takes the machine's sizes, too: ``target=eie_backend.HardwareConfig(num_pe=16)``. To
# prune, hand over ``eie_backend.compress(mod, recipe)``; without it weights are only shared.
#
# New code is better off with ``eie_backend.compile`` or ``tvm.compile(mod, target="eie")``, as in
# :doc:`the first tutorial <01_first_model>`.
