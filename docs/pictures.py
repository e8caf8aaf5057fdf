"""The pictures of README.md and docs/ that show a run: `make pictures` writes them again.

The run is the shipped, compressed LeNet-300-100 on the first images of MNIST, by the commands that
README.md names beside the pictures.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
SAMPLES = 100
WIDTH, HEIGHT = 1280, 860
"""CSS pixels of a screenshot: the top of the report in a desktop's browser."""
SETTLE_MS = 1500
"""The page has drawn its diagrams."""


def eie(folder: Path, command: str) -> None:
    """Run a command as a user does."""
    program = Path(sys.executable).with_name("eie")
    subprocess.run([program, *command.split()], cwd=folder, check=True)


def prepare(folder: Path) -> None:
    """Put the shipped network and some of its images and labels into a folder."""
    data = Path(str(files("eie_backend") / "data"))
    shutil.copy(data / "lenet_300_100.eiez", folder / "lenet.eiez")
    with np.load(data / "mnist_test_1000.npz") as mnist:
        images, labels = mnist["images"][:SAMPLES], mnist["labels"][:SAMPLES]
    np.save(folder / "x.npy", images.reshape(-1, 1, 28, 28).astype(np.float32) / 255)
    np.save(folder / "y.npy", labels)
    options = "--bind batch=1 --calibrate x.npy"
    eie(folder, f"compile lenet.eiez -o lenet.so {options}")
    eie(folder, f"compile lenet.eiez -o lenet_16.so {options} --num-pe 16")


def timeline(folder: Path) -> None:
    """Draw what 16 PEs do at the first edges."""
    eie(folder, "trace lenet_16.so --input x.npy -o timeline.png --window 1:161")
    shutil.copy(folder / "timeline.png", IMAGES)


def report(folder: Path) -> None:
    """Take a screenshot of the report, in light and in dark."""
    eie(folder, "report lenet.so --input x.npy --labels y.npy -o report.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT},
                color_scheme=scheme,
                reduced_motion="reduce",
            )
            page.goto((folder / "report.html").as_uri())
            page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=IMAGES / f"report_{scheme}.png")
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        timeline(Path(name))
        report(Path(name))
