"""Array files: what NumPy writes is read; what declares more than it has is refused at once."""

import io
import zipfile

import numpy as np
import pytest

from eie_backend.errors import InputError
from eie_backend.files.array_file import read_array_file
from eie_backend.files.sample_file import SampleFile

ARRAY = np.arange(12, dtype=np.float32).reshape(3, 4)


def npy(array=ARRAY, old=b"", new=b""):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue().replace(old, new.ljust(len(old)), 1)


def archive(members, how=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("dtype", ["f4", ">f8", "i8", "u1", "?", "c8", "S3", "U2"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_arrays_come_back(dtype, shape, tmp_path):
    array = np.asfortranarray(np.ones(shape).astype(dtype))
    np.save(tmp_path / "x.npy", array)
    np.testing.assert_array_equal(read_array_file(tmp_path / "x.npy"), array)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", a=array, b=ARRAY)
        found = read_array_file(tmp_path / "x.npz")
        assert list(found) == ["a", "b"]
        np.testing.assert_array_equal(found["a"], array)


SHAPE = b"(3, 4), }       "


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no header of an array"),
        (npy()[:-1], r"an array of \(3, 4\), float32, in 175 bytes"),
        (npy(old=SHAPE, new=b"(1 << 40,), }"), "no header of an array"),
        (npy(old=SHAPE, new=b"(9999999999,), }"), r"an array of \(9999999999,\)"),
        (npy(old=SHAPE, new=b"(-3, -4), }"), r"no header .* \(-3, -4\)"),
        (npy(old=b"'<f4'", new=b"'|O'"), "object needs pickle, which runs what a file says"),
        (npy(old=SHAPE, new=b"((((((((((((("), "no header of an array"),
        (archive({"x.npy": npy(old=SHAPE, new=b"(9999999999,), }")}), "an array of"),
        (archive({"x.npy": npy()}, zipfile.ZIP_LZMA), "'x.npy' is neither stored nor deflated"),
        (archive({"x.npy": npy()}, zipfile.ZIP_BZIP2), "'x.npy' is neither stored nor deflated"),
        (archive({"x.txt": b"x"}), "'x.txt' is no array"),
        (archive({"x.npy": npy()})[:-30], "no header of an array"),
    ],
)
def test_what_is_refused(data, message, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_array_file(path)


def with_header(text, version=b"\x01\x00", length=None):
    """Return an array file with any header; 1,000 bytes of values follow."""
    data = text.encode("latin-1")
    size = (2 if version == b"\x01\x00" else 4, "little")
    return b"\x93NUMPY" + version + (length or len(data)).to_bytes(*size) + data + bytes(1000)


def entries(descr="'<f4'", order="False", shape="(2, 3)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


HOSTILE = {
    "a list of fields": (entries("[('a', '<f4')]"), "no header of an array of plain values"),
    "an array in a value": (entries("('<f4', (9, 9))"), "no header of an array of plain values"),
    "objects": (entries("'|O8'"), "object needs pickle"),
    "bytes of no kind": (entries("'|V2'"), "values of type '|V2', expected are numbers, texts"),
    "values without bytes": (entries("'<U0'", shape="(999999999999,)"), "values of type '<U0'"),
    "no such size": (entries("'<f3'"), "values of type '<f3'"),
    "no such unit": (entries("'<M8[zz]'"), "values of type"),
    "an old alias": (entries("'a5'"), "values of type 'a5'"),
    "a name of a type": (entries("'float32'"), "values of type 'float32'"),
    "a long type": (entries("'" + "i" * 9000 + "'"), r"values of type 'iiii.*\.\.\., expected"),
    "a negative axis": (entries(shape="(-1, 3)"), "no header"),
    "an axis of thousands of digits": (entries(shape=f"({'9' * 5000},)"), "no header"),
    "a hexadecimal axis": (entries(shape=f"(0x{'f' * 9000},)"), "no header"),
    "an axis that is true": (entries(shape="(2, True)"), "no header"),
    "an axis that is a fraction": (entries(shape="(2.0, 3)"), "no header"),
    "a shape that is a list": (entries(shape="[2, 3]"), "no header"),
    "a shape that overflows": (entries(shape=f"({2**62}, 4)"), "larger than any can be"),
    "that beside an empty axis": (entries(shape=f"(0, {2**62}, 4)"), "larger than any can be"),
    "an order that is a number": (entries(order="1"), "no header"),
    "too many axes": (entries(shape="(" + "1," * 65 + ")"), "an array of 65 axes, at most 64"),
    "nested parentheses": ("(" * 9000, "no header"),
    "nested lists in a value": (entries(shape="[" * 4000 + "]" * 4000), "no header"),
    "nested signs": (entries(shape="-" * 9000 + "1"), "no header"),
    "a power": (entries(shape="(9**9**9**9,)"), "no header"),
    "a product of texts": (entries("'f' * 10**9"), "no header"),
    "a call": (entries(shape="__import__('os').getpid()"), "no header"),
    "an unknown escape": (entries("'\\d'"), "values of type"),
    "a name of a character": (entries("'\\N{DASH}'"), "values of type"),
    "half a text": ("{'descr': '<f4", "no header"),
    "an entry too many": (entries().replace("}", "'more': 1}"), "no header"),
    "an entry missing": ("{'descr': '<f4', 'shape': (2, 3)}", "no header"),
    "more behind it": (entries() + "0", "no header"),
    "nothing": ("", "no header"),
    "zero bytes": ("\0" * 100, "no header"),
    "letters beyond ASCII": (entries("'\xff'"), "values of type"),
    "a digit beyond ASCII": (entries(shape="(\xb2,)"), "no header"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("version", [b"\x01\x00", b"\x02\x00"])
def test_a_header_that_no_plain_array_has_is_refused(name, version, tmp_path):
    """Also by the reader in parts, and without a warning of Python's parser."""
    text, message = HOSTILE[name]
    path = tmp_path / "x.npy"
    path.write_bytes(with_header(text, version))
    with pytest.raises(ValueError, match=message):
        read_array_file(path)
    with pytest.raises(InputError, match=message) as caught:
        SampleFile(path)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (with_header(entries(), b"\x03\x00"), "format 3.0, known are 1.0 and 2.0"),
        (with_header(entries(), b"\xff\xff"), "format 255.255"),
        (with_header(entries(), b"\x02\x00", length=2**32 - 1), "4294967295 bytes, at most 10000"),
        (with_header(entries() + " " * 10_000), "at most 10000"),
        (with_header(entries(), length=5000), "the file ends within it"),
        (b"\x93NUMPY\x01\x00\x76", "the file ends within it"),
        (b"\x93NUMP", "does not begin as a .npy file does"),
    ],
)
def test_a_header_is_as_long_as_it_says(data, message, tmp_path):
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_array_file(tmp_path / "x.npy")


@pytest.mark.parametrize(
    "text",
    [
        entries(),
        "{'descr':'<f4','fortran_order':False,'shape':(2,3)}",  # cnpy and others in C++
        "{'shape': (2, 3), 'fortran_order': False, 'descr': \"<f4\"}   \n",
        entries(shape="(2L, 3L)"),  # Python 2
        entries("'=f4'"),
    ],
)
def test_headers_of_other_writers_are_read(text, tmp_path):
    (tmp_path / "x.npy").write_bytes(with_header(text))
    found = read_array_file(tmp_path / "x.npy")
    assert (found.shape, found.dtype) == ((2, 3), np.float32)
    found[0] = 1  # it is no view of the file


def test_an_archive_names_no_place(tmp_path):
    """Its members are read, and never written under their names."""
    folder = tmp_path / "inner"
    folder.mkdir()
    (folder / "x.npz").write_bytes(archive({"../out.npy": npy(), "/out.npy": npy()}))
    assert set(read_array_file(folder / "x.npz")) == {"../out", "/out"}
    assert [path.name for path in tmp_path.rglob("*")] == ["inner", "x.npz"]
