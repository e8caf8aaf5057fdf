"""`Masked` and `Shared`: parametrizations of a layer's weight during retraining."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize


class Masked(nn.Module):
    """A weight with zeros: ``where(mask, original, 0)``.

    The gradient of a pruned weight is zero. The weight stays zero even if an optimizer's momentum
    changes the original. With `regrow`, the gradient reaches the original as if there were no mask
    (a straight-through estimator), so that a later mask can restore the weight.

    Parameters
    ----------
    mask : Tensor, bool, shape of the weight
        True where a weight is kept.
    regrow : bool
        Whether pruned weights continue to learn.

    Notes
    -----
    **Source**: Learning both Weights and Connections (NIPS 2015); with `regrow`, Dynamic Network
    Surgery (NIPS 2016).
    """

    def __init__(self, mask: Tensor, regrow: bool = False) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.regrow = regrow

    @property
    def connections(self) -> Tensor:
        """Mask of the weights that may be non-zero."""
        mask: Tensor = self.mask
        return mask

    def forward(self, original: Tensor) -> Tensor:
        """Return the weight."""
        masked = torch.where(self.mask, original, 0)
        # These are exact: original + (original - original) and original + (0 - original).
        return original + (masked - original).detach() if self.regrow else masked


class Shared(nn.Module):
    """A weight from a codebook: 0 where the code is 0, else ``codebook[code - 1]``.

    The codes are fixed; the codebook is the parameter, so its gradient is the sum of the gradients
    of all weights with the same code.

    Parameters
    ----------
    codes : Tensor, int32, shape of the weight
        From 0 to the size of the codebook.
    codebook : Tensor, shape (entries,)
        Shared values, dtype of the weight.

    Notes
    -----
    **Source**: Deep Compression (ICLR 2016), section 3.3.
    """

    def __init__(self, codes: Tensor, codebook: Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", codes)
        self.initial = codebook

    @property
    def connections(self) -> Tensor:
        """Mask of the weights that may be non-zero."""
        return self.codes != 0

    def right_inverse(self, _weight: Tensor) -> Tensor:
        """Return the codebook, which becomes the parameter in place of the weight."""
        return self.initial

    def forward(self, codebook: Tensor) -> Tensor:
        """Return the weight."""
        table = torch.cat([codebook.new_zeros(1), codebook])
        # With int32 codes, the gradient of index_select is ten times as fast as that of table[...].
        return table.index_select(0, self.codes.flatten()).view_as(self.codes)


def mask_weight(module: nn.Module, mask: NDArray[np.bool_], regrow: bool) -> None:
    """Parametrize a module's plain weight by `Masked`; `mask` is (outputs, inputs x kernel)."""
    masked = Masked(_like(module.weight, mask), regrow)
    parametrize.register_parametrization(module, "weight", masked)


def set_mask(module: nn.Module, mask: NDArray[np.bool_]) -> None:
    """Change the mask of a `Masked` weight."""
    current = parametrization(module).mask
    current.copy_(_like(current, mask))


def share_weight(module: nn.Module, shared: NDArray[np.float32], bits: int) -> None:
    """Parametrize a module's plain weight by `Shared`, with the values of `shared`.

    Parameters
    ----------
    module : nn.Module
        The module of a layer.
    shared : ndarray, shape (outputs, inputs x kernel), float32
        At most ``2**bits - 1`` non-zero values.
    bits : int
        Codebook bits: the codebook has ``2**bits - 1`` entries, unused ones at the end.
    """
    values = np.unique(shared[shared != 0])
    codes = np.where(shared != 0, np.searchsorted(values, shared) + 1, 0).astype(np.int32)
    codebook = module.weight.detach().new_zeros((1 << bits) - 1)
    codebook[: values.size] = torch.from_numpy(values)
    # The original and the weight have different shapes, which only `unsafe` allows.
    looked_up = Shared(_like(module.weight, codes), codebook)
    parametrize.register_parametrization(module, "weight", looked_up, unsafe=True)


def make_plain(module: nn.Module) -> None:
    """Replace the parametrization of a module's weight by a plain parameter of the same values."""
    module.parametrizations.weight.original.grad = None  # its shape may differ
    parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    # Removal registers the weight last; move it back to the first place.
    for name in [name for name in module._parameters if name != "weight"]:
        module._parameters[name] = module._parameters.pop(name)


def parametrization(module: nn.Module) -> Masked | Shared:
    """Return the parametrization of a module's weight."""
    found: Masked | Shared = module.parametrizations.weight[0]
    return found


def _like(weight: Tensor, values: NDArray[np.generic]) -> Tensor:
    """Return a matrix as a tensor of the shape and on the device of a weight."""
    return torch.tensor(values, device=weight.device).view(weight.shape)
