"""Every operator of Relax: harmless whatever its data are, guarded, or refused, and why.

An operator that is in no table, of a later TVM perhaps, is refused until somebody has looked.
"""

from __future__ import annotations

from collections.abc import Mapping

from eie_backend.transform.guards.check import Row
from eie_backend.transform.guards.divisors import DIVISORS
from eie_backend.transform.guards.indices import INDICES
from eie_backend.transform.guards.shapes import SHAPES

GUARDED: Mapping[str, Row] = {**INDICES, **SHAPES, **DIVISORS}
"""What `GuardOperands` checks."""

REMEDY = "no code can be made for that: compute it before the model, or after it"
DATA_DECIDES = f"the shape of its result depends on data; {REMEDY}"
TRAINING = "it belongs to training; export the model for inference"
UNCHECKED = "its operands decide which memory it touches, and nothing checks them; replace it"
UNKNOWN = "this release does not know whether it is safe on any data; replace it"

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "dynamic_strided_slice",
            "nonzero",
            "unique",
            "vision.all_class_non_max_suppression",
            "vision.get_valid_counts",
            "vision.non_max_suppression",
        ),
        DATA_DECIDES,
    ),
    **dict.fromkeys(
        (
            "grad.avg_pool2d_backward",
            "grad.max_pool2d_backward",
            "grad.nll_loss_backward",
            "grad.take_backward",
            "nn.nll_loss",
        ),
        TRAINING,
    ),
    **dict.fromkeys(
        (
            "inspect.tensor_shape_i",
            "inspect.tensor_stride_i",
            "memory.view",
            "multinomial_from_uniform",
            "nn.attention_var_len",
        ),
        UNCHECKED,
    ),
}
"""Why each is refused."""

HARMLESS = frozenset(
    """
    abs acos acosh add arange argmax argmin argsort asin asinh astype atan atan2 atanh
    bitwise_and bitwise_not bitwise_or bitwise_xor broadcast_to bucketize ceil clip
    collapse_sum_like collapse_sum_to concat cos cosh dequantize einsum equal erf ewise_fma exp
    expand_dims eye eye_like flatten flip floor full full_like greater greater_equal
    hamming_window image.affine_grid image.resize2d image.resize3d isfinite isinf isnan
    layout_transform less less_equal log log_add_exp logical_and logical_not logical_or
    logical_xor matmul max maximum mean median meshgrid min minimum multiply negative
    nn.adaptive_avg_pool1d nn.adaptive_avg_pool2d nn.adaptive_avg_pool3d nn.attention
    nn.attention_bias nn.batch_flatten nn.batch_norm nn.cross_entropy_with_logits nn.dropout
    nn.gelu nn.gelu_tanh nn.group_norm nn.instance_norm nn.layer_norm nn.leakyrelu
    nn.log_softmax nn.pixel_shuffle nn.prelu nn.relu nn.rms_norm nn.selu nn.silu nn.softmax
    nn.softplus not_equal null_value one_hot ones ones_like outer permute_dims power prod
    quantize repeat reshape reverse_sequence round rsqrt shape_of shape_to_tensor sigmoid sign
    sin sinh size slice_scatter sort sqrt square squeeze stack std subtract sum tan tanh
    tensor_to_shape tile tril triu trunc variance vision.multibox_transform_loc where zeros
    zeros_like
    """.split()
)
"""What touches the same memory whatever the values of its operands are, by its shapes alone."""

OWN = frozenset(
    """
    assert_op builtin.alloc_tensor builtin.stop_lift_params call_builtin_with_ctx
    call_dps_packed call_inplace_packed call_pure_packed call_py_func call_tir call_tir_inplace
    call_tir_with_grad ccl.allgather ccl.allreduce ccl.broadcast_from_worker0
    ccl.scatter_from_worker0 dist.annotate_sharding dist.call_tir_local_view dist.redistribute
    dist.redistribute_replica_to_shard grad.end_checkpoint grad.no_grad grad.start_checkpoint
    hint_on_device inspect.tensor_byte_offset inspect.tensor_dtype_bits
    inspect.tensor_dtype_code inspect.tensor_dtype_lanes inspect.tensor_elem_offset
    inspect.tensor_ndim invoke_closure invoke_pure_closure make_closure memory.alloc_storage
    memory.alloc_tensor memory.ensure_zero_offset memory.kill_storage memory.kill_tensor print
    to_vdevice vm.alloc_storage vm.alloc_tensor vm.call_tir_dyn vm.kill_object wrap_param
    """.split()
)
"""What no model file can say: calls of a program's own code, and steps of TVM's own compiler."""


def why_refused(operator: str) -> str | None:
    """Return why an operator is refused, None if it is not.

    Parameters
    ----------
    operator : str
        Relax operator, for example ``relax.take``.
    """
    name = operator.removeprefix("relax.")
    if name in REFUSED:
        return REFUSED[name]
    known = name == operator or operator in GUARDED or name in HARMLESS or name in OWN
    return None if known else UNKNOWN
