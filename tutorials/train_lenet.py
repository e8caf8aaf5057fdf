"""
Train LeNet-300-100 on MNIST
============================

This script trains the 784-300-100-10 network that the other tutorials compile, and writes it as ONNX together with the
first 1,000 test images. The network is trained densely, then used by the compiler as it is: pruning and weight
sharing happen at compile time, without retraining.
"""
# %%
# The network

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

LAYER_SIZES = (784, 300, 100, 10)
BATCH = 256


def build_network(dropout: tuple[float, float, float]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for index, rate in enumerate(dropout):
        layers += [nn.Dropout(rate), nn.Linear(LAYER_SIZES[index], LAYER_SIZES[index + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def distort(images: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
    count = len(images)
    angle, shear = (torch.rand(2, count) * 2 - 1) * strength * torch.tensor([[0.20], [0.20]])
    scale = 1 + (torch.rand(2, count) * 2 - 1) * 0.12 * strength
    shift = (torch.rand(2, count) * 2 - 1) * strength * 2 * 2 / 28
    cos, sin = torch.cos(angle), torch.sin(angle)
    affine = torch.stack([cos * scale[0], shear - sin, shift[0], sin, cos * scale[1], shift[1]], dim=1)
    grid = functional.affine_grid(affine.view(count, 2, 3), [count, 1, 28, 28], align_corners=False)
    coarse = torch.randn(count, 2, 7, 7) * strength * 0.9 * 2 / 28
    wave = functional.interpolate(coarse, size=(28, 28), mode="bicubic", align_corners=False)
    return functional.grid_sample(images, grid + wave.permute(0, 2, 3, 1), align_corners=False)


def train(images, labels, epochs, seed, l1, dropout, lr=2e-3, strength=1.0, plain_epochs=0, clip=9.0):
    torch.manual_seed(seed)
    network = build_network(dropout)
    weights = [m.weight for m in network if isinstance(m, nn.Linear)]
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    steps = math.ceil(len(images) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * steps, pct_start=0.1)
    started = time.perf_counter()
    for epoch in range(epochs):
        s = strength if epoch < epochs - plain_epochs else strength * 0.5
        total = 0.0
        for chosen in torch.randperm(len(images)).split(BATCH):
            loss = functional.cross_entropy(network(distort(images[chosen], s)), labels[chosen])
            penalty = sum(k * w.abs().sum() for k, w in zip(l1, weights))
            optimizer.zero_grad()
            (loss + penalty).backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                for w in weights:
                    w.clamp_(-clip, clip)
            total += loss.item() * len(chosen)
        print(f"epoch {epoch + 1:3d}/{epochs}  loss {total / len(images):.4f} {time.perf_counter() - started:.0f}s", flush=True)
    return network.eval()
