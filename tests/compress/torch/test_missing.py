"""Without PyTorch, the error names the extra."""

import importlib
import sys

import pytest

from eie_backend.errors import ExtraError


def test_pytorch_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("eie_backend.compress.torch")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ExtraError) as caught:
        importlib.import_module("eie_backend.compress.torch")
    message = "eie_backend.compress.torch needs PyTorch: pip install"
    assert str(caught.value) == f"{message} '.[torch]' in eie's checkout"
    assert isinstance(caught.value, ImportError)
