"""``import tvm`` alone makes the target known; other targets stay as they were."""

import subprocess
import sys
import tempfile

import numpy as np
import onnx
import pytest
import tvm
from tvm import relax
from tvm.relax.pipeline import PIPELINE_MAP, default_build_pipeline
from tvm.target import Target

import eie_backend as eie
from eie_backend import HardwareConfig
from eie_backend.codegen.library import programs
from eie_backend.errors import ModelError
from eie_backend.isa.image import encode_image
from eie_backend.machine.target import config_of, is_eie

BUILD = """
import sys
import numpy as np, onnx, tvm
from tvm.relax.frontend.onnx import from_onnx
folder = sys.argv[1]
mod = from_onnx(onnx.load(f"{folder}/mlp.onnx"), keep_params_in_input=False)
x = tvm.runtime.tensor(np.load(f"{folder}/x.npy"))
assert tvm.target.Target("eie").kind.name == "llvm"

def kinds(module):
    return [module.kind, *(kind for one in module.imports for kind in kinds(one))]

for name, build in (("compile", tvm.compile), ("build", tvm.relax.build)):
    executable = build(mod, target="eie")
    assert "eie" in kinds(executable.mod), name
    y = tvm.relax.VirtualMachine(executable, tvm.cpu())["main"](x)
    np.save(f"{folder}/{name}.npy", y.numpy())
executable.export_library(f"{folder}/mlp.so")
"""

LOAD = """
import sys
import numpy as np, tvm
folder = sys.argv[1]
machine = tvm.relax.VirtualMachine(tvm.runtime.load_module(f"{folder}/mlp.so"), tvm.cpu())
y = machine["main"](tvm.runtime.tensor(np.load(f"{folder}/x.npy")))
np.save(f"{folder}/load.npy", y.numpy())
"""

HEAVY = ("onnx", "rich", "typer", "xdsl", "eie_backend.cli", "eie_backend.compiler.driver")
"""What the hook must leave to whoever needs it."""

HOOK = """
import os, sys
os.environ["TVM_DEVICE_BACKEND_AUTOLOAD"] = "0"
import tvm
before = set(sys.modules)
from eie_backend import _autoload
_autoload()
known = {name.split(".")[0] for name in before} | sys.stdlib_module_names
print(*sorted(name for name in set(sys.modules) - before if name.split(".")[0] not in known))
"""
"""Prints the modules that it loads, but those of Python and of packages that TVM loads, too."""


def fresh(code, *arguments):
    """Run code in a process of its own, warnings as errors, and return what it printed."""
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    # Elsewhere: from the checkout, `python -c` would import it instead of what is installed.
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir()
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def kinds(module):
    """Return the kinds of a runtime module and of all that it imports."""
    return [module.kind, *(kind for one in module.imports for kind in kinds(one))]


def values(executable, *inputs):
    machine = relax.VirtualMachine(executable, tvm.cpu())
    return machine["main"](*map(tvm.runtime.tensor, inputs)).numpy()


@pytest.fixture(scope="module")
def model(make_mlp):
    return make_mlp(24, 16, 10, batch=4)


@pytest.fixture(scope="module")
def mod(model):
    return eie.from_onnx(model)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(4, 24)).astype(np.float32)


@pytest.fixture(scope="module")
def built(mod):
    return tvm.compile(mod, target="eie")


@pytest.fixture(scope="module")
def by_plain_tvm(model, x, tmp_path_factory):
    """Results of processes that only know `import tvm`."""
    folder = tmp_path_factory.mktemp("tvm")
    onnx.save(model, folder / "mlp.onnx")
    np.save(folder / "x.npy", x)
    fresh(BUILD, folder)
    fresh(LOAD, folder)
    return folder


@pytest.mark.parametrize("way", ["compile", "build", "load"])
def test_plain_tvm_computes_what_our_compile_does(way, by_plain_tvm, mod, x):
    expected = eie.run(eie.compile(mod), x)[0]
    assert np.load(by_plain_tvm / f"{way}.npy").tobytes() == expected.tobytes()


def test_import_tvm_is_silent_and_light():
    code = f"import sys, tvm; print([name for name in {HEAVY} if name in sys.modules])"
    assert fresh(code) == "[]\n"


def test_the_hook_loads_few_modules():
    ours = "_register _versions errors machine machine.tag runtime"
    expected = ["eie_backend", *(f"eie_backend.{name}" for name in ours.split())]
    assert fresh(HOOK).split() == expected


def test_importing_eie_first_is_silent_and_complete():
    code = "import eie_backend, tvm; print(tvm.target.Target('eie').keys)"
    assert fresh(code) == '("eie", "cpu")\n'


def test_a_machine_is_made_before_tvm_is_imported():
    """The target's file imports TVM, whose hook then must not need the rest of that file."""
    code = (
        "import eie_backend as eie; eie.target(eie.HardwareConfig(num_pe=4));"
        "import tvm; print(tvm.target.Target('eie').keys)"
    )
    assert fresh(code) == '("eie", "cpu")\n'


def test_runtime_loads_without_an_import_of_ours(by_plain_tvm):
    code = (
        "import sys, tvm; tvm.runtime.load_module(sys.argv[1]);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert fresh(code, by_plain_tvm / "mlp.so") == "[]\n"


def test_layers_run_on_the_machine(built, x):
    assert "eie" in kinds(built.mod)
    assert [layer.name for layer in eie.profile(built, x).layers] == ["fc1", "fc2"]


def test_our_compile_makes_the_same_image(built, mod):
    ours, theirs = programs(eie.compile(mod)), programs(built)
    assert [encode_image(p) for p in ours] == [encode_image(p) for p in theirs]


def test_config_in_the_target_reaches_the_image(mod):
    config = HardwareConfig(num_pe=16, fifo_depth=4, accumulator_bits=16)
    (program,) = programs(tvm.compile(mod, target=eie.target(config)))
    assert program.config == config
    assert {matrix.num_pe for matrix in program.matrices} == {16}


def test_target_survives_json():
    config = HardwareConfig(num_pe=16)
    again = tvm.ir.load_json(tvm.ir.save_json(eie.target(config)))
    assert config_of(again) == config


def test_llvm_target_is_untouched(mod, x):
    executable = tvm.compile(mod, target="llvm")
    assert "eie" not in kinds(executable.mod)
    plain = tvm.compile(mod, target="llvm", relax_pipeline=default_build_pipeline())
    np.testing.assert_array_equal(values(executable, x), values(plain, x))


@pytest.mark.parametrize("target", [None, Target("llvm"), Target("c")])
def test_default_pipeline_of_other_targets_is_tvms(target, mod):
    def lowered(pipeline):
        if target is None:
            return pipeline(mod)
        with target:
            return pipeline(mod)

    ours, theirs = lowered(PIPELINE_MAP["default"]()), lowered(default_build_pipeline())
    tvm.ir.assert_structural_equal(ours, theirs)


def test_build_without_a_target_is_tvms(mod, x):
    executable = tvm.compile(mod)
    assert "eie" not in kinds(executable.mod)
    np.testing.assert_array_equal(values(executable, x), values(tvm.compile(mod, "llvm"), x))


def test_other_targets_do_not_count_as_ours():
    assert not any(is_eie(target) for target in (None, Target("llvm"), Target("c")))
    assert is_eie(Target("eie"))


def test_registration_twice_changes_nothing(mod):
    before = dict(PIPELINE_MAP)
    eie._autoload()
    eie._autoload()
    assert before == PIPELINE_MAP
    assert kinds(tvm.compile(mod, target="eie").mod).count("eie") == 1


def test_module_without_a_layer_for_the_machine_runs_on_the_host(x):
    builder = relax.BlockBuilder()
    parameter = relax.Var("x", relax.TensorType((4, 24), "float32"))
    with builder.function("main", [parameter]):
        builder.emit_func_output(builder.emit(relax.op.nn.relu(parameter)))
    executable = tvm.compile(builder.get(), target="eie")
    assert "eie" not in kinds(executable.mod)
    np.testing.assert_array_equal(values(executable, x), np.maximum(x, 0))


def test_dynamic_shape_stays_on_the_host(make_mlp, x):
    from tvm.relax.frontend.onnx import from_onnx

    mod = from_onnx(make_mlp(24, 16, 10, batch="batch"), keep_params_in_input=False)
    executable = tvm.compile(mod, target="eie")
    assert "eie" not in kinds(executable.mod)
    expected = values(tvm.compile(mod, target="llvm"), x[:3])
    np.testing.assert_array_equal(values(executable, x[:3]), expected)


def test_an_error_in_our_pipeline_keeps_its_type(make_mlp):
    model = make_mlp(24, 16, 10)
    weights = model.graph.initializer[0]
    broken = onnx.numpy_helper.to_array(weights).copy()
    broken[0, 0] = np.nan
    weights.CopyFrom(onnx.numpy_helper.from_array(broken, weights.name))
    mod = eie.from_onnx(model)
    with pytest.raises(ModelError, match=r"^fc1: 1 of 384 weights are NaN or infinite"):
        tvm.compile(mod, target="eie")


def test_compile_refuses_another_target(mod):
    with pytest.raises(
        ModelError, match=r"^target .*llvm.* is not an eie target; use target='eie'"
    ):
        eie.compile(mod, "llvm")
