"""Datasets: ``.npy`` and ``.npz`` as the command line reads them."""

from __future__ import annotations

import io
import zipfile
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
from driver import Kind
from edits import edit_bytes, edit_text, hard_number
from files import with_file

from eie_backend.cli.files import read_labelled, read_labels, read_samples
from eie_backend.errors import InputError
from eie_backend.files.sample_file import SampleFile
from eie_backend.transform.inputs import InputSpec

SPECS = [InputSpec("x", (1, 5), "float32")]
WORDS = (
    "'|O'",
    "'<f4'",
    "'<U999999999'",
    "'|V9'",
    "'<M8[s]'",
    "'<U0'",
    "[('a', '<f4', (2, 2))]",
    "('<f4', (9,))",
    "'\\d'",
    "(1099511627776,)",
    "(0, 9)",
    "(2, True)",
    "(" * 500,
    "-" * 500,
    "0x" + "f" * 9000,
    "9**9**9",
    "True",
)
VERSIONS = (b"\x01\x00", b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09")
MAGIC_BYTES = 10
"""Magic, version and the length of the header."""


def seeds() -> list[bytes]:
    """Return an array, and labelled arrays stored and deflated."""
    x, labels = np.ones((3, 5), np.float32), np.arange(3)
    found = []
    for save in (lambda f: np.save(f, x), lambda f: np.savez(f, x=x, labels=labels)):
        file = io.BytesIO()
        save(file)
        found.append(file.getvalue())
    file = io.BytesIO()
    np.savez_compressed(file, x=x, labels=labels)
    return [*found, file.getvalue()]


def edit_npy(random: Random, data: bytes) -> bytes:
    """Edit the header, which is a dictionary of Python, with a length that fits; or any bytes."""
    if random.random() < 0.2 or not data.startswith(b"\x93NUMPY"):
        return edit_bytes(random, data)
    end = MAGIC_BYTES + int.from_bytes(data[8:10], "little")  # a longer length ends the file
    header = edit_text(random, data[MAGIC_BYTES:end].decode("latin-1"), WORDS)
    if random.random() < 0.3:
        header = header.replace("3", str(hard_number(random)), 1)
    text = header.encode("latin-1", "replace")[:65535]
    version = random.choice(VERSIONS)
    length = len(text).to_bytes(2 if version == VERSIONS[0] else 4, "little")
    return data[:6] + version + length + text + data[end:]


def edit_npz(random: Random, data: bytes) -> bytes:
    """Edit a member, and write the archive anew, now and then with another compression."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:
        return edit_bytes(random, data)
    if not members:
        return edit_bytes(random, data)
    name = random.choice(list(members))
    members[name] = edit_npy(random, members[name])
    if random.random() < 0.1:
        members[random.choice(("../x.npy", "/x.npy", "labels", "x", "y.npy"))] = members.pop(name)
    file = io.BytesIO()
    how = (zipfile.ZIP_STORED,) * 4 + (zipfile.ZIP_DEFLATED,) * 4
    how += (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    with zipfile.ZipFile(file, "w", random.choice(how)) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def edit(random: Random, data: bytes) -> bytes:
    """Edit an array, an archive of them, or their bytes."""
    if data.startswith(b"PK") and random.random() < 0.7:
        return edit_npz(random, data)
    return edit_npy(random, data)


def in_parts(path: Path) -> None:
    """Read all arrays of a file, two samples at a time."""
    file = SampleFile(path)
    names = [name for name, header in file.headers.items() if header.shape]
    if names:
        list(islice(file.parts(dict.fromkeys(names, 2)), 9))


READERS = (lambda path: read_samples(path, SPECS), read_labelled, read_labels, in_parts)


def read(data: bytes) -> None:
    """Read samples, labelled samples and labels, and in parts; one must accept the file."""
    faults = []
    for reader in READERS:
        try:
            with_file(reader, data, "x.npz")
        except InputError as error:
            faults.append(error)
    if len(faults) == len(READERS):
        raise faults[0]


KIND = Kind("datasets", seeds, edit, read, multiple=2100)
