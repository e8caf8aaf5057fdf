"""The classic calls of Relay and the graph executor, on top of Relax.

Relay left TVM in 0.20, and the graph executor with it. A script of those days changes its imports::

    from eie_backend import relay                        # was: from tvm import relay
    from eie_backend.relay import graph_executor         # was: from tvm.contrib import ...

    mod, params = relay.frontend.from_onnx(model, {"image": (1, 1, 28, 28)})
    lib = relay.build(mod, target="eie", params=params)
    module = graph_executor.GraphModule(lib["default"](tvm.cpu()))
    module.set_input("image", image)
    module.run()
    scores = module.get_output(0).numpy()
"""

from eie_backend.relay import frontend, graph_executor
from eie_backend.relay.factory import GraphExecutorFactory, build, load_module
from eie_backend.relay.graph_executor import GraphModule

__all__ = [
    "GraphExecutorFactory",
    "GraphModule",
    "build",
    "frontend",
    "graph_executor",
    "load_module",
]
