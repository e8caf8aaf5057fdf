"""Runs the FileCheck tests of this folder: ``lit tests/isa/lit``."""

import os
import sys
from pathlib import Path

import lit.formats

# lit defines both names for its configuration files.
config = globals()["config"]
lit_config = globals()["lit_config"]

config.name = "eie"
config.test_format = lit.formats.ShTest()
config.suffixes = [".mlir"]
checkout = Path(__file__).parents[3]
config.test_exec_root = lit_config.params.get("exec_root", str(checkout / "build" / "lit"))
tools = Path(sys.executable).parent  # the environment that runs lit has eie, eie-opt, filecheck
config.environment["PATH"] = os.pathsep.join([str(tools), os.environ["PATH"]])
