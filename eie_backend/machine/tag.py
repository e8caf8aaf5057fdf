"""What makes a TVM target one of ours.

The hook reads it while ``import tvm`` ends, perhaps for `machine.target`: nothing is imported here.
"""

from __future__ import annotations

TAG = "eie"
DESCRIPTION = {"kind": "llvm", "keys": [TAG, "cpu"]}
"""Target kinds need C++ headers that TVM's wheel does not ship; a tag over llvm does not."""
