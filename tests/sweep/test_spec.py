import pytest

from eie_backend.errors import SweepError
from eie_backend.sweep import Choices, Range, Search, read_spec


def test_reads_every_line(write_spec):
    spec = read_spec(
        write_spec(
            models=["small.onnx"],
            calibration="digits.npz",
            bind={"batch": 4},
            bind_values={"rate": 16000, "on": True, "scales": [1, 2.5]},
            hardware={"num_pe": {"low": 1, "high": 64, "log": True}},
            recipe={"density": {"fc*": [0.1, 0.2], "@conv": 0.5}, "method": ["magnitude"]},
            objectives=["cycles", "accuracy"],
            search={"trials": 50, "batch": 5, "seed": 7},
            prune=False,
            arithmetic="int8",
            balance="auto",
            strict=False,
        )
    )
    assert spec.name == "small" and list(spec.models) == ["small"]
    assert spec.space == {
        ("model",): Choices(("small",)),
        ("hardware", "num_pe"): Range(1, 64, log=True),
        ("recipe", "density", "fc*"): Choices((0.1, 0.2)),
        ("recipe", "density", "@conv"): Choices((0.5,)),
        ("recipe", "method"): Choices(("magnitude",)),
    }
    assert spec.bind_values == {"rate": 16000, "on": True, "scales": [1, 2.5]}
    assert spec.objectives == ("accuracy", "cycles")
    assert spec.search == Search(50, 5, 7)
    assert (spec.prune, spec.arithmetic, spec.balance, spec.strict) == (
        False,
        "int8",
        "auto",
        False,
    )
    assert spec.varied == [("hardware", "num_pe"), ("recipe", "density", "fc*")]


def test_what_is_left_out_is_as_by_default(write_spec):
    spec = read_spec(write_spec())
    assert (spec.prune, spec.arithmetic, spec.balance, spec.strict) == (True, "int16", "off", True)
    assert spec.search is None and spec.calibration is None


def test_names_all_faults_at_once(write_spec):
    path = write_spec(
        models={"lost": "lost.onnx"},
        data=7,
        calibration="n" * 256,
        bind={"batch": 0},
        bind_values={"rate": "fast"},
        hardware={"num_pe": [4, 0], "pes": 1, "fifo_depth": {"low": 8, "high": 2}},
        recipe={"density": {"fc1": [0.5, 2]}, "bits": [4, 4], "depth": 1},
        objectives=["speed"],
        search={"trials": 0},
        prune="yes",
        arithmetic="int4",
        more=1,
    )
    with pytest.raises(SweepError) as caught:
        read_spec(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: 'more' is no key of a sweep")
    for fault in (
        "lost.onnx: no such file",
        f"{'n' * 256}: File name too long",
        "data: give the name",
        "bind: give",
        "bind_values: give numbers",
        "hardware.num_pe: impossible HardwareConfig: num_pe = 0",
        "hardware.pes: no size of the machine",
        "hardware.fifo_depth: {'low': 8, 'high': 2} is no range",
        "recipe.density.fc1: impossible recipe",
        "recipe.bits: [4, 4] has a value twice",
        "recipe.depth: no field of a recipe",
        "objectives: list",
        "search: give trials",
        "prune: 'yes' is neither",
        "arithmetic: 'int4' is none of",
    ):
        assert fault in message


def test_a_range_needs_a_search(write_spec):
    with pytest.raises(SweepError, match=r"hardware\.num_pe is a range, which only a search"):
        read_spec(write_spec(hardware={"num_pe": {"low": 1, "high": 4}}))


def test_a_grid_has_a_limit(write_spec):
    numbers = list(range(1, 1000))
    with pytest.raises(SweepError, match=r"998,001 designs, at most 100,000"):
        read_spec(write_spec(hardware={"num_pe": numbers, "clock_mhz": numbers}, recipe=None))


@pytest.mark.parametrize(
    "text", ["- 1", "models: [", "!!python/object/apply:os.system ['true']", "\udc80", ""]
)
def test_refuses_what_is_no_mapping(tmp_path, text):
    path = tmp_path / "spec.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SweepError, match=r"spec\.yaml"):
        read_spec(path)


def test_a_seed_has_32_bits(write_spec):
    most = (1 << 32) - 1 - 100_000
    assert read_spec(write_spec(search={"trials": 9, "seed": most})).search.seed == most
    with pytest.raises(SweepError, match=r"seed \(0 to 4,294,867,295\)"):
        read_spec(write_spec(search={"trials": 9, "seed": most + 1}))
