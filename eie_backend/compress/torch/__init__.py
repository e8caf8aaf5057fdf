"""Deep Compression of PyTorch models with retraining: prune, retrain, share, retrain.

Needs the extra ``torch``. `retrain` is the whole of it, `Training` its settings.
"""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    from eie_backend.errors import ExtraError

    raise ExtraError(
        "eie_backend.compress.torch needs PyTorch: pip install '.[torch]' in eie's checkout"
    ) from error

from eie_backend.compress.torch.records import LayerState, Result, RetrainingStep
from eie_backend.compress.torch.retraining import retrain
from eie_backend.compress.torch.training import Training

__all__ = ["LayerState", "Result", "RetrainingStep", "Training", "retrain"]
