"""A line for every command of `eie`, the files that they read, and many of them run at once."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.isa.source_file import disassemble
from eie_backend.search.evaluator import Evaluator
from eie_backend.storage.container import save_eiez

EIE = Path(sys.executable).with_name("eie")
NO_SOURCE = (
    "eie: not beside the float network: the library does not name the file that it was compiled "
    "from; give it by --reference\n"
)
"""What commands say on standard error of a library that was compiled from a module in memory."""

COMMANDS = {
    "demo": "demo --num-pe 4",
    "doctor": "doctor",
    "compile": "compile mlp.onnx -o out.so --density 0.5 --balance on",
    "emit": "compile mlp.onnx --emit eie",
    "emit_to_a_file": "compile mlp.onnx --emit image -o out.bin",
    "compress": "compress mlp.onnx --data good.npz --recipe recipe.yaml -o out.eiez",
    "explain": "explain mlp.onnx",
    "machines": "machines",
    "run": "run mlp.so --input x.npy",
    "run_to_a_file": "run mlp.so --input x.npy -o y.npy",
    "profile": "profile mlp.so --input x.npy --accelergy counts.yaml",
    "evaluate": "evaluate mlp.so --data good.npz --scheduler threads",
    "compare": "compare mlp.so --input x.npy --reference mlp.onnx --csv c.csv -o page.html",
    "report": "report mlp.so --input x.npy -o page.html",
    "trace": "trace mlp.so --input x.npy -o t.vcd",
    "sweep": "sweep sweep.yaml -o swept --scheduler threads --workers 1",
    "faults": "faults mlp.so --data x.npy --units ptr,act --trials 2 -o faults.json",
    "reproduce": "reproduce --table 1 -o new",
    "pack": "pack mlp.onnx -o packed.eiez",
    "unpack": "unpack mlp.eiez -o out.onnx",
    "inspect": "inspect mlp.eiez",
    "asm": "asm program.mlir -o out.eieimg",
    "disasm": "disasm mlp.so",
    "disasm_to_a_file": "disasm mlp.so -o out.mlir",
}


def prepare(folder, model, x, name="mlp"):
    """Write all that `COMMANDS` read, of a model and its inputs; return what it is compiled to."""
    executable = eie.compile(eie.from_onnx(model))
    labels = np.zeros(len(x), int)
    labels = Evaluator(eie.from_onnx(model), x, labels).scores({}).argmax(axis=1)
    onnx.save(model, folder / "mlp.onnx")
    np.save(folder / "x.npy", x)
    np.savez(folder / "good.npz", x=x, labels=labels)
    (folder / "recipe.yaml").write_text("bits: 3\n")
    sweep = {"models": {name: "mlp.onnx"}, "data": "good.npz", "hardware": {"num_pe": [2, 4]}}
    (folder / "sweep.yaml").write_text(json.dumps(sweep))
    save_eiez(folder / "mlp.eiez", model)
    eie.export_library(executable, folder / "mlp.so")
    (folder / "program.mlir").write_text(disassemble(programs(executable)))
    return executable


RUNNER = """
import json, os, sys, tempfile

def child(line, folder):
    with tempfile.TemporaryFile() as out:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(write, 2)
            os.close(read)
            os.close(write)
            os.chdir(folder)
            sys.argv = ["eie", *line.split()]
            main()
        os.close(write)
        with open(read, "rb") as pipe:  # to its end, which may come after the command's
            err = pipe.read()
        status = os.waitpid(pid, 0)[1]
        out.seek(0)
        return os.waitstatus_to_exitcode(status), out.read().decode(), err.decode()

found = [child(*line) for line in json.loads(sys.argv[1])]
sys.stdout.write(json.dumps(found))
"""


def run_all(lines, before):
    """Run commands, each in a fork of a process of its own that has imported what they need.

    Parameters
    ----------
    lines : list of (str, Path)
        Arguments and the folder.
    before : str
        What the process does first; it defines `main`, the command.

    Returns
    -------
    list of (int, str, str)
        Exit code, standard output and standard error of each.
    """
    asked = json.dumps([(line, str(folder)) for line, folder in lines])
    done = subprocess.run(
        [sys.executable, "-c", before + RUNNER, asked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [tuple(one) for one in json.loads(done.stdout)]
