"""g2p-en's network, from spelling to phonemes: two GRUs, written as ONNX from its NumPy weights."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, parser

LETTERS = 16
"""Of a word with its end: as many steps has the encoder."""

MOST_PHONEMES = 20
PAD, START, END = 0, 2, 3

ENCODER = """
<ir_version: 8, opset_import: ["": 17]>
encoder (int64[16] letters, int32[1] length) => (float[1, 256] state) {
  two = Constant<value_ints = [1]>()
  embedded = Gather(enc_emb, letters)
  steps = Unsqueeze(embedded, two)
  all, last = GRU<hidden_size = 256, linear_before_reset = 1>(steps, enc_w, enc_r, enc_b, length)
  zero = Constant<value_ints = [0]>()
  state = Squeeze(last, zero)
}
"""
DECODER = """
<ir_version: 8, opset_import: ["": 17]>
decoder (int64[1] phoneme, float[1, 256] state) => (float[1, 74] logits, float[1, 256] next_state) {
  zero = Constant<value_ints = [0]>()
  embedded = Gather(dec_emb, phoneme)
  step = Unsqueeze(embedded, zero)
  before = Unsqueeze(state, zero)
  all, last = GRU<hidden_size = 256, linear_before_reset = 1>(step, dec_w, dec_r, dec_b, , before)
  next_state = Squeeze(last, zero)
  logits = Gemm<transB = 1>(next_state, fc_w, fc_b)
}
"""
Step = Callable[..., tuple[NDArray[np.float32], ...]]


def networks(folder: Path) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Return the encoder and one step of the decoder."""
    with np.load(folder / "g2p_en" / "checkpoint20.npz") as found:
        weights = dict(found)
    encoder, decoder = parser.parse_model(ENCODER), parser.parse_model(DECODER)
    for model, name in ((encoder, "enc"), (decoder, "dec")):
        tensors = {
            f"{name}_emb": weights[f"{name}_emb"],
            f"{name}_w": _gates(weights[f"{name}_w_ih"])[None],
            f"{name}_r": _gates(weights[f"{name}_w_hh"])[None],
            f"{name}_b": np.concatenate(
                [_gates(weights[f"{name}_b_ih"]), _gates(weights[f"{name}_b_hh"])]
            )[None],
        }
        tensors |= {"fc_w": weights["fc_w"], "fc_b": weights["fc_b"]} if name == "dec" else {}
        model.graph.initializer.extend(
            numpy_helper.from_array(np.ascontiguousarray(value, np.float32), key)
            for key, value in tensors.items()
        )
        onnx.checker.check_model(model, full_check=True)
    return encoder, decoder


def _gates(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows of reset, update, new, as update, reset, new: ONNX's order."""
    reset, update, new = np.split(rows, 3)
    return np.concatenate([update, reset, new])


def own(folder: Path) -> Any:
    """Return an object of the package's own class, whose `predict` pronounces a word.

    It is without its dictionary, tagger and tokenizer, which `predict` does not need and which
    would be downloaded.
    """
    for name in ("nltk", "nltk.corpus", "nltk.tokenize", "inflect"):
        sys.modules.setdefault(name, MagicMock())
    sys.path.insert(0, str(folder))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a backslash in a text, a file that is left open
            from g2p_en.g2p import G2p

            return G2p()
    finally:
        sys.path.remove(str(folder))


def letters(word: str) -> dict[str, NDArray[Any]]:
    """Return the encoder's inputs for a word of the letters a to z, at most 15."""
    codes = [ord(letter) - ord("a") + 3 for letter in word] + [2]
    padded = np.full(LETTERS, PAD, np.int64)
    padded[: len(codes)] = codes
    return {"letters": padded, "length": np.array([len(codes)], np.int32)}


def decoding(state: NDArray[np.float32], step: Step) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the decoder's inputs, phoneme and state, until it ends the word."""
    phoneme = START
    for _ in range(MOST_PHONEMES):
        yield phoneme, state
        logits, state = step(phoneme=np.array([phoneme]), state=state)
        phoneme = int(logits.argmax())
        if phoneme == END:
            return
    yield phoneme, state


def pronounced(word: str, encode: Step, decode: Step) -> list[int]:
    """Return the phonemes of a word, as numbers."""
    (state,) = encode(**letters(word))
    return [phoneme for phoneme, _ in decoding(state, decode)][1:]


def dictionary_words(file: Path, count: int) -> list[str]:
    """Return so many words of the CMU dictionary, from its whole length, letters only."""
    entries = (line.split(" ", 1)[0] for line in file.read_text("utf-8").splitlines())
    plain = [
        word for word in entries if word.isascii() and word.isalpha() and 3 <= len(word) < LETTERS
    ]
    return [plain[at] for at in np.linspace(0, len(plain) - 1, count).astype(int)]
