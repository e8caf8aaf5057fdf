"""The networks of `real_networks.py`: where each comes from, its inputs, and its own runtime."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from tvm import IRModule

import eie_backend as eie

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "conformance"))
from packaged_models import FILES, MODELS, SHARED, PackagedFiles, PackagedModel

from real import glass, pronouncer, sounds, texts

Inputs = Mapping[str, NDArray[Any]]
Outputs = list[NDArray[Any]]

PACKAGES = SHARED / "packages"
VOICE_RATE, MUSIC_RATE = 16000, 22050
FRAME, CONTEXT = 512, 64
"""Samples that silero-vad takes at a time, and those before them that it wants again."""


@dataclass(frozen=True)
class Network:
    """A network as its package ships it.

    Attributes
    ----------
    package, licence : str
        The package with its version, and the network's licence.
    inputs : callable
        Returns the inputs of a sample, by name, for a number from 0 to 10.
    source : callable
        Returns the model: a path, an ONNX model, or a PyTorch module.
    bind, values : mapping of str to int
        Dimensions, and values of inputs, for the import.
    runtime : callable, optional
        What computes the network for its author; ONNX Runtime by default.
    """

    package: str
    licence: str
    inputs: Callable[[int], Inputs]
    source: Callable[[], Any]
    bind: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    runtime: Callable[[Inputs], Outputs] | None = None

    def imported(self) -> IRModule:
        """Import the model, verified as every import is."""
        model = self.source()
        if isinstance(model, Path | onnx.ModelProto):
            return eie.from_onnx(model, self.bind, bind_values=self.values)
        import torch

        example = tuple(torch.tensor(value) for value in self.inputs(0).values())
        return eie.from_pytorch(model, example)

    def expected(self, inputs: Inputs) -> Outputs:
        """Return what the author's runtime computes."""
        if self.runtime is not None:
            return self.runtime(inputs)
        return list(_session(self).run(None, {**inputs, **_scalars(self.values)}))


_SESSIONS: dict[str, onnxruntime.InferenceSession] = {}


def _session(network: Network) -> onnxruntime.InferenceSession:
    """Return ONNX Runtime's session of a network, which is made once."""
    model = network.source()
    key = str(model) if isinstance(model, Path) else model.graph.name
    if key not in _SESSIONS:
        source = key if isinstance(model, Path) else model.SerializeToString()
        _SESSIONS[key] = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    return _SESSIONS[key]


def _scalars(values: Mapping[str, int]) -> dict[str, NDArray[np.int64]]:
    return {name: np.array(value, np.int64) for name, value in values.items()}


def _packaged(
    model: PackagedModel, inputs: Callable[[int], Inputs], bind: Mapping[str, int] | None = None
) -> Network:
    path, bound = SHARED / model.file, {**model.bind, **(bind or {})}
    return Network(model.package, model.licence, inputs, lambda: path, bound, model.values)


def _shipped(files: PackagedFiles, source: Callable[[], Any], inputs: Any, **more: Any) -> Network:
    return Network(files.package, files.licence, inputs, source, **more)


def bytes_of_a_file(sample: int) -> Inputs:
    """Return the 1,024 bytes from a file's start and end as magika takes them: 256 for no byte."""
    data = texts.files()[sample]
    start, end = (
        np.frombuffer(part, np.uint8) for part in (data.lstrip()[:1024], data.rstrip()[-1024:])
    )
    padded = np.full((1, 2048), 256, np.int32)
    padded[0, : len(start)] = start
    padded[0, 2048 - len(end) :] = end
    return {"bytes": padded}


def frame_of_speech(sample: int) -> Inputs:
    """Return half a second into speech: a frame, and silero-vad's own state before it."""
    sound = sounds.speech(sample, 1.0, VOICE_RATE)
    state = np.zeros((2, 1, 128), np.float32)
    sound = np.concatenate([np.zeros(CONTEXT, np.float32), sound])
    for start in range(0, 16 * FRAME, FRAME):
        frame = {"input": sound[None, start : start + CONTEXT + FRAME], "state": state}
        _, state = NETWORKS["silero-vad"].expected(frame)
    return frame


def two_seconds_of_music(sample: int) -> Inputs:
    """Return basic-pitch's window of 43,844 samples."""
    sound = sounds.melody(sample, 2.0, MUSIC_RATE)[:43844]
    return {"serving_default_input_2:0": sound[None, :, None]}


def spectrogram_of_speech(sample: int) -> Inputs:
    """Return Resemblyzer's 160 frames of 40 bands of mel, 1.6 s."""
    sound = sounds.speech(sample, 1.6, VOICE_RATE) * np.float32(0.2)
    frames = sounds.mel_spectrogram(sound, VOICE_RATE, 400, 160, 40)
    return {"mels": frames[None, :160]}


def _picture(image: NDArray[np.uint8]) -> Inputs:
    return {"x": (image.astype(np.float32) / 255 - 0.5).transpose(2, 0, 1)[None] / np.float32(0.5)}


def characters(sample: int) -> Inputs:
    """Return 40 Thai characters as attacut's numbers."""
    (name,) = FILES["attacut_characters"].files.values()
    numbers = json.loads((SHARED / name).read_text("utf-8"))
    codes = [numbers.get(one, numbers["<UNK>"]) for one in texts.THAI[sample][:40]]
    return {"input": np.array([codes], np.int64)}


def tokens(sample: int) -> Inputs:
    """Return 32 of glassllm's tokens of English."""
    _, tokenizer = _glass()
    text = " ".join(texts.ENGLISH[(sample + k) % len(texts.ENGLISH)] for k in range(3))
    return {"ids": np.array([tokenizer.encode(text)[: glass.TOKENS]], np.int64)}


def spelling(sample: int) -> Inputs:
    """Return a word's letters."""
    return pronouncer.letters(words(11)[sample])


def phoneme(sample: int) -> Inputs:
    """Return what the decoder gets for a word's third phoneme."""
    state = _pronouncer().gru(*_encoding(words(11)[sample]))[:, -1, :]
    steps = list(pronouncer.decoding(state, _own_step))
    number, state = steps[min(2, len(steps) - 1)]
    return {"phoneme": np.array([number]), "state": state.astype(np.float32)}


def words(count: int) -> list[str]:
    """Return words of a dictionary, of three to fifteen letters."""
    (name,) = FILES["words"].files.values()
    return pronouncer.dictionary_words(SHARED / name, count)


@cache
def _glass() -> Any:
    return glass.own(PACKAGES / "glassllm")


@cache
def _pronouncer() -> Any:
    return pronouncer.own(PACKAGES / "g2p-en")


def _encoding(word: str) -> tuple[Any, ...]:
    own = _pronouncer()
    return own.encode(word), len(word) + 1, own.enc_w_ih, own.enc_w_hh, own.enc_b_ih, own.enc_b_hh


def _own_step(phoneme: Any, state: Any) -> tuple[Any, Any]:
    own = _pronouncer()
    embedded = np.take(own.dec_emb, phoneme, axis=0)
    after = own.grucell(embedded, state, own.dec_w_ih, own.dec_w_hh, own.dec_b_ih, own.dec_b_hh)
    return np.matmul(after, own.fc_w.T) + own.fc_b, after


def _own_encoder(inputs: Inputs) -> Outputs:
    letters = inputs["letters"][: int(inputs["length"][0]) - 1]
    word = "".join(chr(ord("a") + int(code) - 3) for code in letters)
    return [_pronouncer().gru(*_encoding(word))[:, -1, :]]


def voice_encoder() -> Any:
    """Return Resemblyzer's network, a PyTorch module, with its weights."""
    import torch
    from torch import nn

    class VoiceEncoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
            self.linear = nn.Linear(256, 256)

        def forward(self, mels: torch.Tensor) -> torch.Tensor:
            _, (hidden, _) = self.lstm(mels)
            raw = self.linear(hidden[-1]).relu()
            return raw / torch.norm(raw, dim=1, keepdim=True)

    (name,) = FILES["resemblyzer"].files.values()
    weights = torch.load(SHARED / name, map_location="cpu", weights_only=True)["model_state"]
    module = VoiceEncoder()
    module.load_state_dict({k: v for k, v in weights.items() if k in module.state_dict()})
    return module.eval()


def _torch(inputs: Inputs) -> Outputs:
    import torch

    with torch.no_grad():
        return [voice_encoder()(*(torch.tensor(value) for value in inputs.values())).numpy()]


CALIBRATION = range(5, 11)
"""Numbers of the samples that give the formats."""


def calibration(network: Network) -> Inputs:
    """Return the samples that give the formats as one, along the first axis."""
    samples = [network.inputs(number) for number in CALIBRATION]
    return {name: np.concatenate([one[name] for one in samples]) for name in samples[0]}


NETWORKS = {
    "magika": _packaged(MODELS["magika"], bytes_of_a_file),
    "silero-vad": _packaged(MODELS["silero_vad"], frame_of_speech),
    "basic-pitch": _packaged(MODELS["basic_pitch"], two_seconds_of_music),
    "rapidocr, detection": _packaged(
        MODELS["rapidocr_detect"],
        lambda n: _picture(texts.page(n, 160, 320)),
        {"x.2": 160, "x.3": 320},
    ),
    "rapidocr, orientation": _packaged(
        MODELS["rapidocr_classify"],
        lambda n: _picture(texts.line(n, 48, 192, upside_down=n % 2 == 1)),
    ),
    "rapidocr, recognition": _packaged(
        MODELS["rapidocr_recognize"], lambda n: _picture(texts.line(n, 48, 320)), {"x.3": 320}
    ),
    "attacut": _packaged(MODELS["attacut_c"], characters, {"seq_len": 40}),
    "Resemblyzer": _shipped(
        FILES["resemblyzer"], voice_encoder, spectrogram_of_speech, runtime=_torch
    ),
    "glassllm": _shipped(
        FILES["glassllm"],
        lambda: glass.network(PACKAGES / "glassllm"),
        tokens,
        runtime=lambda inputs: [_glass()[0](inputs["ids"]).data],
    ),
    "g2p-en, encoder": _shipped(
        FILES["g2p_en"],
        lambda: pronouncer.networks(PACKAGES / "g2p-en")[0],
        spelling,
        runtime=_own_encoder,
    ),
    "g2p-en, a phoneme": _shipped(
        FILES["g2p_en"],
        lambda: pronouncer.networks(PACKAGES / "g2p-en")[1],
        phoneme,
        runtime=lambda inputs: list(_own_step(**inputs)),
    ),
}
