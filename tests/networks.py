"""Drawn ONNX networks of the blocks that people build: (1, ...) -> scores (1, 5)."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

CLASSES = 5


class Net:
    """A graph that grows at its end; `shape` is that of the last value."""

    def __init__(self, shape, rng):
        self.rng, self.shape, self.last = rng, shape, "x"
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        self.nodes, self.tensors, self.kept = [], [], {}

    def weights(self, *shape, key=None):
        """Return the name of a new initializer, or of the one that was made under a key."""
        if key in self.kept:
            return self.kept[key]
        values = self.rng.normal(size=shape) / max(np.prod(shape[1:]) ** 0.5, 1)
        name = f"w{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(values.astype(np.float32), name))
        if key is not None:
            self.kept[key] = name
        return name

    def integers(self, *values):
        name = f"w{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def add(self, operator, *others, shape=None, first=None, results=1, name="", **attributes):
        """Add a node that reads the last value first."""
        number = len(self.nodes)
        outputs = [f"v{number}", *(f"v{number}_{n}" for n in range(1, results))]
        inputs = [self.last if first is None else first, *others]
        label = name or f"{operator.lower()}{number}"
        self.nodes.append(helper.make_node(operator, inputs, outputs, label, **attributes))
        self.last, self.shape = outputs[0], self.shape if shape is None else shape
        return self.last

    def dense(self, outputs, key=None, bias=True):
        w = self.weights(self.shape[-1], outputs, key=key)
        self.add("MatMul", w, shape=(*self.shape[:-1], outputs))
        if bias:
            self.add("Add", self.weights(outputs))

    def conv(self, outputs, kernel=3, **attributes):
        groups = attributes.get("group", 1)
        w = self.weights(outputs, self.shape[1] // groups, kernel, kernel)
        pads = [kernel // 2] * 4
        shape = (1, outputs, *self.shape[2:])
        self.add("Conv", w, self.weights(outputs), shape=shape, pads=pads, **attributes)

    def model(self):
        outputs = [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, "net", [self.input], outputs, self.tensors)
        opsets = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def convolution(net):
    net.conv(int(net.rng.integers(3, 9)))
    net.add(str(net.rng.choice(["Relu", "Tanh", "LeakyRelu"])))


def residual(net):
    before = net.last
    net.conv(net.shape[1])
    net.add("Relu")
    net.conv(net.shape[1])
    net.add("Add", before)
    net.add("Relu")


def normalized(net):
    channels = net.shape[1]
    net.conv(channels)
    ones = numpy_helper.from_array(np.ones(channels, np.float32), f"w{len(net.tensors)}")
    net.tensors.append(ones)
    net.add("BatchNormalization", *[ones.name] * 4)
    net.add("Relu")


def depthwise(net):
    net.conv(net.shape[1], group=net.shape[1])
    net.conv(6, kernel=1)


def transposed(net):
    w = net.weights(net.shape[1], 4, 3, 3)
    net.add("ConvTranspose", w, shape=(1, 4, *net.shape[2:]), pads=[1, 1, 1, 1])


def pool(net):
    net.add("AveragePool", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])


def dense(net):
    net.dense(int(net.rng.integers(4, 17)), bias=bool(net.rng.integers(2)))
    net.add(str(net.rng.choice(["Relu", "Sigmoid", "Tanh"])))


def twice(net):
    """One layer, used twice."""
    size = net.shape[-1]
    net.dense(size, key=("twice", size))
    net.add("Tanh")
    net.dense(size, key=("twice", size))


def attention(net):
    before, size = net.last, net.shape[-1]
    heads = []
    for _ in range(3):
        net.last = before
        net.dense(size)
        heads.append(net.last)
    turned = net.add("Transpose", first=heads[1], perm=[0, 2, 1])
    net.add("MatMul", turned, first=heads[0])
    net.add("Softmax", axis=-1)
    net.add("MatMul", heads[2])
    net.dense(size)
    net.add("Add", before)


def gated(net):
    before, size = net.last, net.shape[-1]
    net.dense(2 * size, bias=False)
    gate = net.add("Sigmoid")
    net.last, net.shape = before, (*net.shape[:-1], size)
    net.dense(2 * size, bias=False)
    net.add("Mul", gate)
    net.dense(size, bias=False)
    net.add("Add", before)


def summed(net):
    """Two layers whose results are added: one layer of the machine."""
    before, size = net.last, net.shape[-1]
    net.dense(size, bias=False)
    first = net.last
    net.last = net.add("Tanh", first=before)
    net.dense(size, bias=False)
    net.add("Add", first)


def recurrent(operator, gates):
    def block(net):
        _, steps, size = net.shape
        hidden = int(net.rng.integers(3, 9))
        net.add("Transpose", perm=[1, 0, 2])
        net.add(
            operator,
            net.weights(1, gates * hidden, size),
            net.weights(1, gates * hidden, hidden),
            net.weights(1, 2 * gates * hidden),
            hidden_size=hidden,
        )
        net.add("Squeeze", net.integers(1))
        net.add("Transpose", perm=[1, 0, 2], shape=(1, steps, hidden))

    return block


IMAGES = (convolution, residual, normalized, depthwise, transposed, pool)
SEQUENCES = (
    *(dense, twice, attention, gated, summed),
    *(recurrent("LSTM", 4), recurrent("GRU", 3), recurrent("RNN", 1)),
)


def drawn(seed, blocks=3):
    """Return a network of some blocks, then a mean and a layer: images and sequences in turn."""
    rng = np.random.default_rng(seed)
    net = Net((1, 4, 6, 6) if seed % 2 else (1, 5, 8), rng)
    kinds = IMAGES if seed % 2 else SEQUENCES
    for at in [seed // 2 % len(kinds), *rng.integers(len(kinds), size=blocks - 1)]:
        kinds[at](net)
    axes = [2, 3] if seed % 2 else [1]
    net.add("ReduceMean", axes=axes, keepdims=0, shape=(1, net.shape[1 if seed % 2 else -1]))
    net.dense(CLASSES)
    return net.model()
