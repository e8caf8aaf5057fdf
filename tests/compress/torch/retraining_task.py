"""A small task that draws on every source of randomness; a script that retrains on it.

``python retraining_task.py FOLDER BATCH`` retrains with checkpoints in FOLDER until SIGKILL ends it
in a batch, counted from 1 over all epochs.
"""

import hashlib
import itertools
import json
import os
import random
import signal
import sys
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from eie_backend import Recipe, Schedule
from eie_backend.compress.torch import Training, retrain

CLASSES, SAMPLES, BATCH = 5, 120, 24
RECIPE = Recipe(density={"conv": 0.5, "fc*": 0.3}, bits=3, schedule=Schedule(steps=2))
TRAINING = Training(prune_epochs=2, share_epochs=2, learning_rate_factor=1.0)


class Noisy(Dataset):
    """Squares of 6x6 pixels whose brightest column tells the class, with noise of three kinds."""

    def __init__(self):
        generator = torch.Generator().manual_seed(1)
        self.labels = torch.arange(SAMPLES) % CLASSES
        self.images = torch.randn(SAMPLES, 1, 6, 6, generator=generator)
        self.images += 2 * functional.one_hot(self.labels, 6)[:, None, None, :]

    def __len__(self):
        return SAMPLES

    def __getitem__(self, index):
        noise = random.random() + np.random.rand() + float(torch.rand(()))  # noqa: NPY002
        return self.images[index] + 0.1 * noise, self.labels[index]


class Net(nn.Module):
    """A convolution, batch norm, dropout, two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.fc1, self.dropout, self.fc2 = nn.Linear(64, 20), nn.Dropout(0.5), nn.Linear(20, 5)

    def forward(self, x):
        x = self.norm(self.conv(x)).relu().flatten(1)
        return self.fc2(self.dropout(self.fc1(x).relu()))


def make_net(seed=0):
    """Return the network, untrained: its accuracy does not matter here."""
    torch.manual_seed(seed)
    return Net()


def make_loader(own_generator=True, batch=BATCH):
    """Return a shuffling loader, with a generator of its own or with PyTorch's global one."""
    generator = torch.Generator() if own_generator else None
    return DataLoader(Noisy(), batch, shuffle=True, generator=generator)


def loss(model, batch):
    """Return the cross entropy."""
    return functional.cross_entropy(model(batch[0]), batch[1])


def loss_with(call, at):
    """Return the loss, with a call in a batch that is counted from 1 over all epochs."""
    count = itertools.count(1)

    def of(model, batch):
        if next(count) == at:
            call()
        return loss(model, batch)

    return of


def accuracy(model):
    """Return the share of right answers; it draws random numbers, as a test loader may."""
    data = Noisy()
    torch.rand(3)
    return float((model(data.images).argmax(1) == data.labels).float().mean())


def scheduler(optimizer, batches):
    """Return a schedule with a state of its own, which also changes Adam's momentum."""
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=batches)


def call(**changes):
    """Call `retrain` on the task."""
    arguments = {
        "recipe": RECIPE,
        "loss": loss,
        "loader": make_loader(),
        "optimizer": lambda parameters: torch.optim.Adam(parameters, 0.01),
        "scheduler": scheduler,
        "training": TRAINING,
        "evaluate": accuracy,
        "progress": False,
    }
    return retrain(changes.pop("model", None) or make_net(), **{**arguments, **changes})


def fingerprint(result):
    """Return the hash of a result's weights and buffers, and its steps without seconds."""
    digest = hashlib.sha256()
    for name, value in result.model.state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    steps = [{k: v for k, v in s.items() if k != "seconds"} for s in result.to_dict()["steps"]]
    return digest.hexdigest(), json.loads(json.dumps(steps))


if __name__ == "__main__":
    torch.set_num_threads(1)
    kill = partial(os.kill, os.getpid(), signal.SIGKILL)
    call(checkpoints=sys.argv[1], loss=loss_with(kill, int(sys.argv[2])))
