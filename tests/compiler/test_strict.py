"""`strict` takes the networks that people have: what is no layer is on the host by design."""

import numpy as np
import pytest
from onnx import numpy_helper, parser
from real import glass
from recurrent_nodes import recurrent
from residual import Residual

import eie_backend as eie
from eie_backend.compiler.placement import require_machine

RNG = np.random.default_rng(0)


def drawn(text, **shapes):
    """Return a model from its text, with drawn initializers."""
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]>\n{text}')
    for name, shape in shapes.items():
        values = (RNG.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    return model


def resnet_18(folder, **sizes):
    path = folder / "residual.onnx"
    Residual(width=4, classes=10, size=32, **sizes).write(path)
    return str(path)


def residual(folder):
    return resnet_18(folder, blocks=(1, 1))


def lstm(_folder):
    return recurrent("LSTM", steps=4, inputs=6, hidden=8, head=3, directions=1)[0]


def winograd_chain(_folder):
    return drawn(
        """chain (float[1, 16, 8, 8] x) => (float[1, 16, 8, 8] y) {
          a = Conv<pads = [1, 1, 1, 1]>(x, w1)
          ra = Relu(a)
          b = Conv<pads = [1, 1, 1, 1]>(ra, w2)
          rb = Relu(b)
          c = Conv<pads = [1, 1, 1, 1]>(rb, w3)
          y = Relu(c)
        }""",
        **{f"w{n}": (16, 16, 3, 3) for n in (1, 2, 3)},
    )


def bert(_folder):
    """Return a block of BERT: attention and two dense layers, normalized behind each."""
    model = drawn(
        """bert (float[1, 6, 16] x) => (float[1, 6, 16] y) {
          shape = Constant<value_ints = [0, 0, 4, 4]>()
          flat = Constant<value_ints = [0, 0, 16]>()
          half = Constant<value_float = 0.5>()
          one = Constant<value_float = 1.0>()
          root = Constant<value_float = 1.4142135>()
          q = MatMul(x, wq)
          k = MatMul(x, wk)
          v = MatMul(x, wv)
          q1 = Add(q, bq)
          q2 = Reshape(q1, shape)
          k2 = Reshape(k, shape)
          v2 = Reshape(v, shape)
          q3 = Transpose<perm = [0, 2, 1, 3]>(q2)
          k3 = Transpose<perm = [0, 2, 3, 1]>(k2)
          v3 = Transpose<perm = [0, 2, 1, 3]>(v2)
          scores = MatMul(q3, k3)
          scaled = Mul(scores, half)
          weights = Softmax<axis = -1>(scaled)
          mixed = MatMul(weights, v3)
          m1 = Transpose<perm = [0, 2, 1, 3]>(mixed)
          m2 = Reshape(m1, flat)
          o = MatMul(m2, wo)
          o1 = Add(o, x)
          n1 = LayerNormalization<axis = -1>(o1, g1, b1)
          f = MatMul(n1, wf)
          f1 = Add(f, bf)
          e0 = Div(f1, root)
          e1 = Erf(e0)
          e2 = Add(e1, one)
          e3 = Mul(f1, e2)
          gelu = Mul(e3, half)
          p = MatMul(gelu, wp)
          p1 = Add(p, n1)
          y = LayerNormalization<axis = -1>(p1, g2, b2)
        }""",
        **{name: (16, 16) for name in ("wq", "wk", "wv", "wo")},
        **{name: (16,) for name in ("bq", "g1", "b1", "g2", "b2")},
        wf=(16, 32),
        bf=(32,),
        wp=(32, 16),
    )
    return model


def llama(_folder):
    """Return glassllm's network with one block of other sizes."""
    config = {"vocab_size": 40, "d_model": 16, "n_layers": 1, "n_heads": 4, "n_kv_heads": 2}
    shapes = {f"attn.W_{w}": (16, 16 if w in "QO" else 8) for w in "QKVO"}
    shapes |= {"ffn.W1": (16, 42), "ffn.W3": (16, 42), "ffn.W2": (42, 16)}
    shapes |= {"norm1.gamma": (16,), "norm2.gamma": (16,)}
    weights = {f"blocks.0.{name}": RNG.normal(size=shape) / 4 for name, shape in shapes.items()}
    weights |= {"E": RNG.normal(size=(40, 16)), "norm_f.gamma": np.ones(16)}
    return glass.of({**config, "rope_base": 10000.0, "eps": 1e-6}, weights)


LAYERS = {residual: 7, resnet_18: 21, lstm: 3, winograd_chain: 3, bert: 6, llama: 8}
"""Networks, and how many layers of the model each has on the machine."""

LONG = (resnet_18, winograd_chain, llama)
"""Those of which a smaller one has the same kinds of layers, or another test has."""


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(one, id=one.__name__, marks=pytest.mark.nightly if one in LONG else ())
        for one in LAYERS
    ],
)
def test_strict_takes(network, tmp_path):
    mod = eie.from_onnx(network(tmp_path))
    placed = eie.explain(mod)
    require_machine(placed)
    assert sum(row.is_layer for row in placed) == LAYERS[network]
    assert all(row.runs_on == "machine" for row in placed if row.is_layer)
    assert eie.compile(mod, strict=True)
