"""Checkpoints: one file with the complete state of a run, written atomically.

The file is a line of text, the SHA-256 of the rest, and the output of ``torch.save``.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch.serialization import get_unsafe_globals_in_checkpoint

from eie_backend.errors import CheckpointError

NAME = "retrain.checkpoint"
MAGIC = b"eie retraining checkpoint 1\n"
DIGEST_BYTES = 32


def save_checkpoint(folder: Path, state: Mapping[str, Any]) -> None:
    """Replace the checkpoint in a folder; the old one stays if the new one cannot be written.

    Parameters
    ----------
    folder : Path
        The folder; it is created if it does not exist.
    state : mapping
        Tensors, numbers, strings and containers of them.

    Raises
    ------
    CheckpointError
        If the file cannot be written, or `state` has types that cannot be loaded safely.
    """
    payload = BytesIO()
    torch.save(dict(state), payload)
    payload.seek(0)
    if unsafe := get_unsafe_globals_in_checkpoint(payload):
        raise CheckpointError(
            f"the state of the optimizer, scheduler or loader holds {', '.join(sorted(unsafe))}, "
            "which cannot be loaded safely; use one whose state_dict has tensors, numbers, "
            "strings and containers alone, or retrain without checkpoints"
        )
    content = payload.getbuffer()
    path, aside = folder / NAME, folder / f"{NAME}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(MAGIC + hashlib.sha256(content).digest())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        _sync_folder(folder)
    except OSError as error:
        kept = f"{path} still holds the state before" if path.exists() else "nothing was kept"
        _discard(aside)
        raise CheckpointError(
            f"{path}: cannot be written: {error.strerror or error}; it needs {len(content):,} "
            f"bytes beside the one before; {kept}: make room and call retrain again as before"
        ) from error


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the state that a folder's checkpoint holds, or None if there is none.

    Raises
    ------
    CheckpointError
        If the file cannot be read, is not a checkpoint, or is damaged.
    """
    path = folder / NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read: {error.strerror or error}; make it readable"
        ) from error
    if not content.startswith(MAGIC):
        raise CheckpointError(f"{path}: no checkpoint of this version; give another folder")
    payload = memoryview(content)[len(MAGIC) + DIGEST_BYTES :]
    if hashlib.sha256(payload).digest() != content[len(MAGIC) :][:DIGEST_BYTES]:
        raise CheckpointError(f"{path}: damaged: its checksum differs; delete it to start again")
    try:
        state: dict[str, Any] = torch.load(BytesIO(payload), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: cannot be loaded: {reason}; delete it") from error
    return state


def _sync_folder(folder: Path) -> None:
    """Sync a folder, so that a renaming survives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass  # the original error explains the failure
