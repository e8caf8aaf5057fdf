"""Arrays read part by part are what NumPy reads at once."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eie_backend.errors import InputError
from eie_backend.files.sample_file import SampleFile

ARRAYS = st.integers(1, 9).flatmap(
    lambda count: st.tuples(
        hnp.arrays(np.float32, st.just((count, 2, 3)), elements=st.floats(-9, 9, width=32)),
        hnp.arrays(np.uint8, st.just((count,))),
    )
)


@given(ARRAYS, st.integers(1, 10), st.sampled_from([np.savez, np.savez_compressed]))
def test_parts_are_the_whole(tmp_path_factory, arrays, samples, save):
    path = tmp_path_factory.mktemp("file") / "data.npz"
    save(path, image=arrays[0], labels=arrays[1])
    file = SampleFile(path)
    parts = list(file.parts({"image": samples, "labels": samples}))
    for name, values in zip(("image", "labels"), arrays, strict=True):
        joined = np.concatenate([part[name] for part in parts])
        assert joined.dtype == values.dtype and np.array_equal(joined, values)
        assert np.array_equal(file.read(name), values)
    assert all(len(part["labels"]) == samples for part in parts[:-1])


@pytest.mark.parametrize("order", ["C", "F"])
def test_reads_a_single_array_in_any_order(tmp_path, order):
    values = np.arange(60, dtype=np.int16).reshape(10, 6)
    np.save(tmp_path / "x.npy", np.asarray(values, order=order))
    file = SampleFile(tmp_path / "x.npy")
    assert list(file.headers) == [""]
    assert np.array_equal(np.concatenate([p[""] for p in file.parts({"": 4})]), values)


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


WHOLE = npy(np.arange(8.0))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        WHOLE[:100],
        WHOLE.replace(b"(8,)", b"(-8,)"),
        WHOLE.replace(b"<f8", b"|O8"),
        WHOLE.replace(b"\x01\x00", b"\x09\x00", 1),
        npy(np.array([{}], object), allow_pickle=True),
        b"PK\x03\x04" + WHOLE,
    ],
    ids=["empty", "magic", "header", "negative", "object", "version", "pickle", "zip"],
)
def test_refuses_what_is_no_array(tmp_path, data):
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(InputError, match=r"x\.npy: not a whole \.npy or \.npz file"):
        SampleFile(tmp_path / "x.npy")


def test_notices_values_that_are_missing_or_altered(tmp_path):
    (tmp_path / "x.npy").write_bytes(WHOLE[:-1])
    with pytest.raises(InputError, match="not a whole"):
        list(SampleFile(tmp_path / "x.npy").parts({"": 3}))
    np.savez(tmp_path / "x.npz", x=np.arange(8.0))
    data = bytearray((tmp_path / "x.npz").read_bytes())
    data[170] ^= 1  # in the values, whose checksum the archive has
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(InputError, match="not a whole"):
        list(SampleFile(tmp_path / "x.npz").parts({"x": 3}))


def test_names_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no such file; give"):
        SampleFile(tmp_path / "lost.npy")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        SampleFile(tmp_path)
