"""Array files: what NumPy writes is read; what declares more than it has is refused at once."""

import io
import zipfile

import numpy as np
import pytest

from eie_backend.files.array_file import read_array_file

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
        (npy(old=SHAPE, new=b"(-3, -4), }"), r"an array of \(-3, -4\)"),
        (npy(old=b"'<f4'", new=b"'|O'"), "no header of an array|needs pickle"),
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


def test_an_archive_names_no_place(tmp_path):
    """Its members are read, and never written under their names."""
    folder = tmp_path / "inner"
    folder.mkdir()
    (folder / "x.npz").write_bytes(archive({"../out.npy": npy(), "/out.npy": npy()}))
    assert set(read_array_file(folder / "x.npz")) == {"../out", "/out"}
    assert [path.name for path in tmp_path.rglob("*")] == ["inner", "x.npz"]
