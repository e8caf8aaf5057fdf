"""
11. A script of the Relay days
==============================

``relay.build``, ``lib["default"](dev)``, ``set_input``, ``run``, ``get_output``: scripts written
for TVM's graph executor need two changed lines.

Relay left TVM with version 0.20, and the graph executor with it. ``eie_backend.relay`` keeps their
calls, on top of Relax. What it cannot keep is Relay's IR: models come from the Relax importers.
"""

# %%
# The model, with its weights apart from it, as ``relay.frontend.from_onnx`` used to return them:

import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import tvm
from tvm.relax.frontend import detach_params
from tvm.relax.frontend.onnx import from_onnx

from eie_backend import relay

DATA = files("eie_backend") / "data"
with np.load(str(DATA / "mnist_test_1000.npz")) as data:
    images = data["images"][:100].reshape(-1, 1, 28, 28).astype(np.float32) / 255
    labels = data["labels"][:100]

model = onnx.load(str(DATA / "lenet_300_100.onnx"))
imported = from_onnx(model, {"image": [100, 1, 28, 28]}, keep_params_in_input=True)
mod, weights = detach_params(imported)
names = [parameter.name for parameter in mod["main"].params if parameter.name != "image"]
params = dict(zip(names, weights["main"], strict=True))
print(names)

# %%
# From here on the script is as it was, except for where ``relay`` comes from. (Without ``params``
# a module is taken whose weights are constants.)

target = "eie"
lib = relay.build(mod, target=target, params=params)

path = Path(tempfile.mkdtemp()) / "lenet.so"
lib.export_library(path)
lib = relay.load_module(path)  # was: tvm.runtime.load_module(path)

# %%

dev = tvm.cpu()
module = relay.GraphModule(lib["default"](dev))  # was: graph_executor.GraphModule
module.set_input("image", images)
module.run()
scores = module.get_output(0).numpy()

accuracy = np.mean(np.argmax(scores, axis=1) == labels)
print(f"accuracy of the first 100 digits: {accuracy:.0%}")
assert accuracy > 0.95

# %%
# The target takes the machine's sizes, too: ``target=eie_backend.HardwareConfig(num_pe=16)``. To
# prune, hand over ``eie_backend.compress(mod, recipe)``; without it weights are only shared.
#
# New code is better off with ``eie_backend.compile`` or ``tvm.compile(mod, target="eie")``, as in
# :doc:`the first tutorial <01_first_model>`.
