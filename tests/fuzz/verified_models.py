"""ONNX models as in `models`, whose results are compared with ONNX Runtime's, too."""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory
from unittest.mock import patch

from driver import Kind
from models import edit, read, seeds


def read_verified(data: bytes) -> None:
    """Import a model, and verify it; nothing is remembered."""
    with TemporaryDirectory() as cache, patch.dict(os.environ, XDG_CACHE_HOME=cache):
        read(data, verify=True)


KIND = Kind("verified_models", seeds, edit, read_verified, multiple=1000)
