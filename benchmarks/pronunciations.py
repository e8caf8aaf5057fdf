"""How many words a trained GRU pronounces as before, once its weights are shared.

``make models`` fetches g2p-en. ``python benchmarks/pronunciations.py`` spells out a thousand words
with codebooks of four and of seven bits and writes ``benchmarks/results/pronunciations.json``: some
minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from real import pronouncer
from real.networks import NETWORKS, PACKAGES, Network, calibration, words
from record import record

import eie_backend as eie
from eie_backend.simulator.runner import Runner

WORDS = 1000
BITS = (4, 7)
"""Of the codebooks."""


def step(network: Network, bits: int) -> pronouncer.Step:
    """Return what a network computes on a machine with codebooks of `bits`."""
    config, recipe = eie.HardwareConfig(codebook_bits=bits), eie.Recipe(bits=bits)
    mod = network.imported()
    runner = Runner(eie.compile(mod, config, recipe=recipe, calibration=calibration(network)))
    names = [spec.name for spec in runner.specs]
    return lambda **inputs: tuple(runner.call([inputs[name] for name in names]))


def share(spelt: list[str], expected: list[list[int]], bits: int) -> float:
    """Return the share of words with all phonemes as expected."""
    encode, decode = (step(NETWORKS[f"g2p-en, {part}"], bits) for part in ("encoder", "a phoneme"))
    same = [
        pronouncer.pronounced(word, encode, decode) == phonemes
        for word, phonemes in zip(spelt, expected, strict=True)
    ]
    return sum(same) / len(same)


def main() -> None:
    """Measure, print and write."""
    own, spelt = pronouncer.own(PACKAGES / "g2p-en"), words(WORDS)
    expected = [[own.p2idx[phoneme] for phoneme in own.predict(word)] for word in spelt]
    shares = {bits: share(spelt, expected, bits) for bits in BITS}
    record("pronunciations", {"words": WORDS, "shares": shares}, {})


if __name__ == "__main__":
    main()
