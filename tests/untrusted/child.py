"""Opens, compiles and runs models, one by one; a line of JSON before and after each.

`python child.py MODEL...`: who starts it again after a signal leaves out those that have a line.
"""

import json
import os
import resource
import sys

import numpy as np

import eie_backend as eie
from eie_backend.errors import EieError

MOST_BYTES = 8 << 30


def outcome(path: str) -> dict[str, object]:
    """Return the values of a model, or why it is refused."""
    try:
        mod = eie.from_onnx(path)
        eie.explain(mod)
        library = eie.compile(mod, eie.HardwareConfig(num_pe=4), arithmetic="float32")
        return {"values": eie.run(library, np.ones((1, 4), np.float32))[0].ravel().tolist()}
    except EieError as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    except BaseException as error:
        return {"fault": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Run the command."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    for path in sys.argv[1:]:
        print(json.dumps({"task": path, "signal": True}), flush=True)
        print(json.dumps({"task": path, **outcome(path)}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
