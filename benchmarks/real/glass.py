"""glassllm's network, a small Llama: written as ONNX from its NumPy weights."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, parser

TOKENS = 32
"""Of a sequence."""

BLOCK = """
  s{n} = Mul(x{n}, x{n})
  m{n} = ReduceMean<axes = [-1]>(s{n})
  e{n} = Add(m{n}, eps)
  r{n} = Sqrt(e{n})
  d{n} = Div(x{n}, r{n})
  h{n} = Mul(d{n}, gamma1_{n})
  {heads}
  scores{n} = MatMul(turned_q{n}, kt{n})
  scaled{n} = Div(scores{n}, root)
  masked{n} = Add(scaled{n}, mask)
  weights{n} = Softmax<axis = -1>(masked{n})
  mixed{n} = MatMul(weights{n}, v_all{n})
  swapped{n} = Transpose<perm = [0, 2, 1, 3]>(mixed{n})
  joined{n} = Reshape(swapped{n}, joined_shape)
  attended{n} = MatMul(joined{n}, W_O_{n})
  y{n} = Add(x{n}, attended{n})
  t{n} = Mul(y{n}, y{n})
  u{n} = ReduceMean<axes = [-1]>(t{n})
  f{n} = Add(u{n}, eps)
  g{n} = Sqrt(f{n})
  i{n} = Div(y{n}, g{n})
  j{n} = Mul(i{n}, gamma2_{n})
  gate{n} = MatMul(j{n}, W1_{n})
  up{n} = MatMul(j{n}, W3_{n})
  sigmoid{n} = Sigmoid(gate{n})
  silu{n} = Mul(gate{n}, sigmoid{n})
  acted{n} = Mul(silu{n}, up{n})
  down{n} = MatMul(acted{n}, W2_{n})
  x{after} = Add(y{n}, down{n})
"""
HEADS = """
  {w}{n} = MatMul(h{n}, W_{W}_{n})
  {w}_cut{n} = Reshape({w}{n}, {w}_shape)
  {w}_heads{n} = Transpose<perm = [0, 2, 1, 3]>({w}_cut{n})
"""
TURN = """
  {w}_pairs{n} = Reshape({w}_heads{n}, {w}_pairs_shape)
  {w}_even{n}, {w}_odd{n} = Split<axis = 4>({w}_pairs{n})
  {w}_ec{n} = Mul({w}_even{n}, cos)
  {w}_os{n} = Mul({w}_odd{n}, sin)
  {w}_es{n} = Mul({w}_even{n}, sin)
  {w}_oc{n} = Mul({w}_odd{n}, cos)
  {w}_left{n} = Sub({w}_ec{n}, {w}_os{n})
  {w}_right{n} = Add({w}_es{n}, {w}_oc{n})
  {w}_both{n} = Concat<axis = 4>({w}_left{n}, {w}_right{n})
  turned_{w}{n} = Reshape({w}_both{n}, {w}_turned_shape)
"""
REPEAT = """
  {w}_one{n} = Unsqueeze({source}{n}, second)
  {w}_many{n} = Expand({w}_one{n}, many_shape)
  {w}_all{n} = Reshape({w}_many{n}, all_shape)
"""


def network(folder: Path) -> onnx.ModelProto:
    """Return the package's network from 32 tokens to the logits behind each of them."""
    with np.load(folder / "glassllm" / "weights" / "en.npz") as found:
        config = json.loads(str(found["__config__"]))
        return of(config, {name: found[name] for name in found if name != "__config__"})


def of(config: dict[str, Any], weights: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    """Return a network with other sizes and weights, by the names that the package gives them."""
    last, vocabulary = config["n_layers"], config["vocab_size"]
    model = parser.parse_model(f"""
<ir_version: 8, opset_import: ["": 17]>
glass (int64[1, {TOKENS}] ids) => (float[1, {TOKENS}, {vocabulary}] logits) {{
  x0 = Gather(E, ids)
  {"".join(map(_block, range(last)))}
  s = Mul(x{last}, x{last})
  m = ReduceMean<axes = [-1]>(s)
  e = Add(m, eps)
  r = Sqrt(e)
  d = Div(x{last}, r)
  h = Mul(d, gamma)
  logits = MatMul(h, head)
}}""")
    tensors: dict[str, NDArray[Any]] = {
        "E": weights["E"],
        "head": weights["E"].T,
        "gamma": weights["norm_f.gamma"],
        "eps": np.array(config["eps"]),
        **_positions(config),
    }
    for name, value in weights.items():
        if name.startswith("blocks."):
            _, n, part, kind = name.split(".")
            own = f"gamma{part[-1]}" if kind == "gamma" else kind
            tensors[f"{own}_{n}"] = value
    model.graph.initializer.extend(
        [_tensor(value, name, np.float32) for name, value in tensors.items()]
        + [_tensor(value, name, np.int64) for name, value in _shapes(config).items()]
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _tensor(value: Any, name: str, dtype: type) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(value, dtype), name)


def _block(n: int) -> str:
    heads = "".join(HEADS.format(n=n, w=w, W=w.upper()) for w in "qkv")
    heads += "".join(TURN.format(n=n, w=w) for w in "qk")
    heads += REPEAT.format(n=n, w="k", source="turned_k") + REPEAT.format(
        n=n, w="v", source="v_heads"
    )
    heads += f"\n  kt{n} = Transpose<perm = [0, 1, 3, 2]>(k_all{n})"
    return BLOCK.format(n=n, after=n + 1, heads=heads)


def _positions(config: dict[str, Any]) -> dict[str, NDArray[Any]]:
    size = config["d_model"] // config["n_heads"]
    turns = config["rope_base"] ** (-2.0 * np.arange(size // 2) / size)
    angles = np.outer(np.arange(TOKENS), turns)[None, None, :, :, None]
    later = np.triu(np.ones((TOKENS, TOKENS), bool), 1)
    return {
        "cos": np.cos(angles),
        "sin": np.sin(angles),
        "root": np.sqrt(size),
        "mask": np.where(later, -1e9, 0.0),
    }


def _shapes(config: dict[str, Any]) -> dict[str, list[int]]:
    heads, few, size = (
        config["n_heads"],
        config["n_kv_heads"],
        config["d_model"] // config["n_heads"],
    )
    shapes = {"second": [2], "joined_shape": [1, TOKENS, heads * size]}
    shapes |= {
        f"{w}_shape": [1, TOKENS, count, size]
        for w, count in zip("qkv", (heads, few, few), strict=True)
    }
    for w, count in (("q", heads), ("k", few)):
        shapes[f"{w}_pairs_shape"] = [1, count, TOKENS, size // 2, 2]
        shapes[f"{w}_turned_shape"] = [1, count, TOKENS, size]
    shapes["many_shape"] = [1, few, heads // few, TOKENS, size]
    shapes["all_shape"] = [1, heads, TOKENS, size]
    return shapes


def own(folder: Path) -> tuple[Any, Any]:
    """Return the package's own network and tokenizer."""
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("glassllm").load_pretrained("en")  # type: ignore[no-any-return]
    finally:
        sys.path.remove(str(folder))
