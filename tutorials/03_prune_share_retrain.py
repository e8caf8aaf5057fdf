"""
3. Prune, share, retrain
========================

How small can a network become before it makes mistakes? One network, compressed in one shot, layer
by layer, and with retraining.

This page needs PyTorch for its last part: ``pip install '.[torch,viz]'``.
"""

# %%
# The network is the package's LeNet-300-100, trained on MNIST's 60,000 training images. Of the
# 1,000 test images that the package also has, we will retrain with 800 and judge on the other
# 200; it is little data for both, but enough to see what happens.

import io
import tempfile
from importlib.resources import files
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import eie_backend as eie
from eie_backend.compress.torch import Training, retrain  # says so if PyTorch is missing

DATA = files("eie_backend") / "data"
with np.load(str(DATA / "mnist_test_1000.npz")) as data:
    images = data["images"].reshape(-1, 1, 28, 28).astype(np.float32) / 255
    labels = data["labels"].astype(np.int64)
x_train, y_train, x_test, y_test = images[:800], labels[:800], images[800:], labels[800:]
mod = eie.from_onnx(DATA / "lenet_300_100.onnx", {"batch": 200})


def on_the_machine(module, recipe=None):
    """Return accuracy and cycles per image."""
    library = eie.compile(module, recipe=recipe, calibration=x_test)
    report = eie.profile(library, x_test)
    accuracy = np.mean(np.argmax(report.outputs[0], axis=1) == y_test)
    return float(accuracy), sum(layer.cycles_per_sample for layer in report.layers)


# %%
# In one shot
# -----------
#
# A recipe keeps the largest weights of each layer, ``density`` of them, and replaces each by the
# nearest of ``2 ** bits - 1`` shared values.

for density in (1.0, 0.2, 0.05):
    accuracy, cycles = on_the_machine(mod, eie.Recipe(density=density, bits=4))
    print(f"density {density:4}: accuracy {accuracy:5.1%}, {cycles:6.1f} cycles per image")

# %%
# In float32, 98.5 % of the 200 images are classified right, and one image is half a point. A fifth
# of the weights does as well; a twentieth does not. But the three layers are not alike.
# *Sensitivity* compresses one layer at a time and leaves the others as they are:

from eie_backend.search.evaluator import Evaluator
from eie_backend.search.pictures import draw_codebooks, draw_sensitivity
from eie_backend.search.sensitivity import sensitivity
from eie_backend.search.trials import Trials
from eie_backend.show.drawing import rendered


def show(draw):
    """Show the picture that ``rendered`` would write to a file."""
    picture = plt.imread(io.BytesIO(rendered(draw, "png")))
    height, width = picture.shape[:2]
    axes = plt.figure(figsize=(width / 100, height / 100), dpi=100).add_axes((0, 0, 1, 1))
    axes.imshow(picture)
    axes.set_axis_off()
    plt.show()


trials = Trials(Evaluator(mod, x_test, y_test))
table = sensitivity(trials, densities=(0.5, 0.25, 0.12, 0.05, 0.025), bits=(6, 4, 3, 2))
show(lambda: draw_sensitivity(table))

# %%
# Ups and downs of half a point are chance. Down to 12 % each layer alone bears pruning; below, the
# last one gives way first, which has 1,000 weights and little to gain. The first has 88 % of all
# weights and bears 5 %, the second even less. ``eie compress`` uses such a table to find density
# and bits of each layer within an accuracy budget (:doc:`/compression`). By hand, and beyond what
# one shot can do:

recipe = eie.Recipe(density={"fc1": 0.03, "fc2": 0.05, "fc3": 0.2}, bits=3)
accuracy, cycles = on_the_machine(mod, recipe)
print(f"by layer: accuracy {accuracy:.1%}, {cycles:.1f} cycles per image")

# %%
# With retraining
# ---------------
#
# After pruning, the weights that stay can learn to do without the others. ``retrain`` prunes in
# rounds, trains the remaining weights after each, then clusters them and trains the shared
# values. It takes any PyTorch model, loss and loader. First, the same network in PyTorch:

import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 300), nn.Linear(300, 100), nn.Linear(100, 10)

    def forward(self, image):
        hidden = functional.relu(self.fc1(image.flatten(1)))
        return self.fc3(functional.relu(self.fc2(hidden)))


weights = {
    tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
    for tensor in onnx.load(str(DATA / "lenet_300_100.onnx")).graph.initializer
}
model = LeNet()
_ = model.load_state_dict({name: weights[name] for name in model.state_dict()})

# %%
# Then five rounds of pruning with three epochs each, and ten epochs for the shared values. A few
# pixels of shift in every batch make more of 800 images.


def shifted(model, batch):
    image, label = batch
    image = torch.roll(image, tuple(torch.randint(-1, 2, (2,)).tolist()), dims=(2, 3))
    return functional.cross_entropy(model(image), label)


def judge(model):
    with torch.no_grad():
        return float((model(torch.from_numpy(x_test)).argmax(1).numpy() == y_test).mean())


result = retrain(
    model,
    recipe,
    loss=shifted,
    loader=DataLoader(
        TensorDataset(torch.from_numpy(x_train), torch.from_numpy(y_train)), 50, shuffle=True
    ),
    optimizer=lambda parameters: torch.optim.Adam(parameters, 1e-2),
    training=Training(rounds=5, prune_epochs=3, share_epochs=10),
    evaluate=judge,
    progress=False,
)
for step in result.steps:
    print(f"{step.name:8} accuracy {step.accuracy_before:6.1%} -> {step.accuracy:6.1%}")

# %%
# Left of each arrow: just pruned or shared; right: after training. What one shot lost, training
# wins back, at the same densities and the same 3 bits. The model has plain parameters again, few
# values and many zeros, so nothing is left for the compiler to prune or share:

retrained = eie.from_pytorch(result.model.eval(), torch.from_numpy(x_test))
accuracy_retrained, cycles = on_the_machine(retrained)
print(
    f"retrained, on the machine: accuracy {accuracy_retrained:.1%}, {cycles:.1f} cycles per image"
)
assert accuracy_retrained > accuracy

# %%
# The codebooks: seven values per layer, and how many weights have each.

shared = {
    name: result.model.get_parameter(f"{name}.weight").detach().numpy() for name in recipe.density
}
show(lambda: draw_codebooks(shared))

# %%
# In a file
# ---------
#
# Codes are stored with Huffman's code, and zeros by the distance from one weight to the next
# (:doc:`/eiez`). In the paper's way of counting:

report = result.report(len(y_test))
for name, layer in report.layers.items():
    print(f"{name}: {layer.rate(layer.paper_huffman_bits):5.1f} times smaller")

path = Path(tempfile.mkdtemp()) / "lenet.eiez"
eie.save_eiez(path, {name: tensor.numpy() for name, tensor in result.model.state_dict().items()})
print(
    f"{path.name}: {path.stat().st_size / 1000:.1f} kB, of {4 * 266_610 / 1000:.1f} kB in float32"
)

# %%
# With all 60,000 images and more epochs the same steps gave the network that ``eie demo`` runs:
# 4.5 % of the weights, 117 times smaller, and no more errors than before (:doc:`/compression`).
