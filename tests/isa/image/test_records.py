"""Records: their layout, fields that may be absent, and what is refused."""

import struct
from dataclasses import dataclass, replace

import numpy as np
import pytest
from image_bytes import split, with_section

from eie_backend import HardwareConfig, encode
from eie_backend.config import size
from eie_backend.errors import ConfigError, EncodingError, ImageError
from eie_backend.isa.image import decode_image, encode_image
from eie_backend.isa.image.byte_reader import ByteReader
from eie_backend.isa.image.records import encode_config, encode_matrix, encode_values
from eie_backend.isa.program import Program


def machine(num_pe):
    return HardwareConfig(num_pe=num_pe, act_registers=4096)


BIAS = np.array([1, -1], np.float32)


def one_program(matrix, config):
    return Program("f", config, "float32", 3, 1, ("fc1",), (matrix,), (BIAS,), (), ())


ONE = encode(np.array([[1, 0, 3], [0, 2, 0]], np.uint8), [0, 0.5, -1, 2], machine(2))
IMAGE = encode_image(one_program(ONE, machine(2)))
CONTENT = dict(split(IMAGE))


def words(*values):
    return struct.pack(f"<{len(values)}I", *values)


def record(*fields, data=b""):
    body = words(len(fields), *fields) + data
    return words(len(body)) + body


def fault(tag, content):
    with pytest.raises(ImageError) as error:
        decode_image(with_section(IMAGE, tag, content))
    return (
        str(error.value)
        .removeprefix("image: malformed: ")
        .removesuffix("; compile the model again")
    )


def test_the_layout_of_what_programs_share():
    sizes = [*machine(2).to_dict().values()]
    assert CONTENT[b"CONF"] == encode_config(machine(2)) == record(*sizes)
    table = np.array([0, 0.5, -1, 2, *[0] * 12], "<f4")
    assert CONTENT[b"SETS"] == encode_values(table) == record(1, data=table.tobytes())
    assert CONTENT[b"BIAS"] == record(1, data=struct.pack("<2f", 1, -1))
    pointers = struct.pack("<8H", 0, 1, 1, 2, 0, 0, 1, 1)  # row 0 in PE 0, row 1 in PE 1
    data = pointers + words(3) + bytes([1, 3, 2])
    assert CONTENT[b"MATR"] == encode_matrix(ONE) == record(2, 3, 0, 2, 0, data=data)
    assert encode_values(np.array([-1], np.int32)) == record(0, data=b"\xff" * 4)


@pytest.mark.parametrize(("weights", "pointer_bytes"), [(65535, 2), (65536, 4)])
def test_pointers_take_two_bytes_while_they_fit(weights, pointer_bytes):
    codes = np.arange(65536).reshape(16, 4096).T < weights
    matrix = encode(codes.astype(np.uint8), [0, 1], machine(1))
    stored = encode_matrix(matrix, table_set=5)
    assert struct.unpack_from("<6I", stored, 4) == (5, 4096, 16, 0, pointer_bytes, 5)
    assert len(stored) == 28 + 17 * pointer_bytes + 4 + weights
    (found,) = decode_image(encode_image(one_program(matrix, machine(1))))
    assert found.matrices[0].pointers[0, -1] == weights


def test_a_matrix_is_checked():
    """Its pointers rise and end with its entries, and its rows fit the registers."""
    config = machine(1)
    good = encode(np.ones((3, 2), np.uint8), [0, 1], config)
    for bad, message in (
        (replace(good, rows=4097), "matrix of 4097 x 2: at most 4096 fit registers"),
        (replace(good, pointers=np.array([[0, 9, 6]], np.uint32)), "do not rise from 0"),
        (replace(good, pointers=np.array([[1, 3, 6]], np.uint32)), "do not rise from 0"),
        (replace(good, entries=good.entries[1:]), "5 entries, but the pointers end at 6"),
    ):
        image = encode_image(one_program(bad, config))
        with pytest.raises(ImageError, match=message):
            decode_image(image)
    with pytest.raises(EncodingError, match="an entry is of row 2, the matrix has 2"):
        replace(good, rows=2).codes()


NEWER = "use the release that wrote them, or a newer one"


@pytest.mark.parametrize(
    ("tag", "content", "message"),
    [
        (b"CONF", record(*range(13)), f"13 config fields, this release knows 12; {NEWER}"),
        (b"CONF", record(2, 8), "config fields ['accumulator_bits', 'act_registers', "),
        (b"CONF", record(0, *[*machine(2).to_dict().values()][1:]), "impossible HardwareConfig: "),
        (b"CONF", CONTENT[b"CONF"] * 2, "56 bytes follow the configuration at byte"),
        (b"CONF", record(*[1] * 12, data=b"\0"), "impossible HardwareConfig"),
        (b"SETS", record(1), "a table set of 0 values, the machine's tables have 16"),
        (b"SETS", record(1, 1), f"a table set of 2 fields, this release knows 1; {NEWER}"),
        (b"SETS", record(), "a table set of 0 fields, it has at least 1"),
        (b"SETS", record(2), "is_float = 2, allowed is 0..1"),
        (b"SETS", record(0, data=bytes(64)), "matrix 0 is not in the numbers of its program's "),
        (b"SETS", b"", "table set 0 of a matrix, the image has 0"),
        (b"BIAS", record(1, data=b"123"), "a bias of 3 bytes, not of whole numbers of 4 bytes"),
        (b"BIAS", record(0), "bias 0 is not in the numbers of its program's arithmetic"),
        (b"BIAS", b"", "bias 0 of a program, the image has 0"),
        (b"BIAS", b"\1\0\0\0", "truncated at byte"),
        (b"MATR", b"", "matrix 0 of a program, the image has 0"),
        (b"MATR", record(1, 1, 0, 3, 0), "pointer bytes = 3, allowed is 2 or 4"),
        (b"MATR", record(1, 1, 2, 2, 0), "has_bias_column = 2, allowed is 0..1"),
        (b"MATR", record(1, 1, 0, 2, 1), "table set 1 of a matrix, the image has 1"),
        (b"MATR", record(1, 1, 0, 2, 0, 0), f"a matrix of 6 fields, this release knows 5; {NEWER}"),
        (
            b"MATR",
            record(1, 1, 0, 2, 0, data=bytes(13)),
            "1 bytes follow the entries of a matrix at byte",
        ),
        (b"PROG", CONTENT[b"PROG"] + b"\0", "1 bytes follow the program at byte"),
        (b"PROG", record(4, 1, 1, 0), "arithmetic = 4, allowed is 0..3"),
        (b"PROG", record(0, 1, 1, 0, 0), f"a program of 5 fields, this release knows 4; {NEWER}"),
        (b"PROG", record(0, 1, 1), "a program of 3 fields, it has at least 4"),
    ],
)
def test_what_is_malformed_is_said(tag, content, message):
    assert fault(tag, content).startswith(message)


def test_a_record_ends_where_it_says():
    (length,) = struct.unpack_from("<I", CONTENT[b"PROG"])
    longer = words(length + 1) + CONTENT[b"PROG"][4:] + b"\0"
    assert "1 bytes follow the last instruction" in fault(b"PROG", longer)


# Fields that were appended later: the old machine's where they are absent


def test_absent_fields_of_a_record_are_the_old_machines():
    names = ("rows", "cols", "tables", "code_bits")

    def fields(*values):
        return ByteReader(words(len(values), *values)).fields("matrix", names, appended=(1, 4))

    assert fields(7, 8) == [7, 8, 1, 4]
    assert fields(7, 8, 2) == [7, 8, 2, 4]
    assert fields(7, 8, 2, 3) == [7, 8, 2, 3]
    for count, message in ((1, "of 1 fields, it has at least 2"), (5, "of 5 fields, this release")):
        with pytest.raises(ImageError, match=message):
            fields(*range(count))


@dataclass(frozen=True)
class NewerConfig(HardwareConfig):
    """A machine with a field that images of today lack."""

    weight_buffers: int = size(1, "buffers", 1, 2, "buffers of weights", appended=True)


OLD = [*machine(2).to_dict().values()]


def test_an_absent_field_of_the_machine_is_the_old_machines():
    assert NewerConfig.from_words(OLD) == NewerConfig(**machine(2).to_dict(), weight_buffers=1)
    assert NewerConfig.from_words([*OLD, 2]).weight_buffers == 2
    assert NewerConfig.from_sizes(machine(2).to_dict()).weight_buffers == 1
    with pytest.raises(ConfigError, match=r"^14 config fields, this release knows 13; use the"):
        NewerConfig.from_words([*OLD, 2, 0])
    with pytest.raises(ConfigError, match=r"^config fields \['dram_bytes_per_cycle'\] are missing"):
        NewerConfig.from_words(OLD[:-1])
    with pytest.raises(ConfigError, match=r"weight_buffers = 3 is outside 1\.\.2 buffers"):
        NewerConfig.from_words([*OLD, 3])
