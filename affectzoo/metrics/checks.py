"""What metrics accept: shapes, masks and values are checked here, and nothing is guessed or clipped."""

import hashlib
import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from affectzoo.errors import AffectZooError


def rows_of(pred: Any, target: Any, mask: Any, k: int, what: str) -> tuple[Tensor, Tensor, Tensor | None]:
    """Check shapes and flatten to rows: (..., K) or, with one column, (N,) becomes (N, K)."""
    pred, target = as_tensor(pred, what), as_tensor(target, what)
    if pred.shape != target.shape:
        raise AffectZooError(f"{what}: pred {tuple(pred.shape)} and target {tuple(target.shape)} differ in shape")
    if pred.ndim == 1 and k == 1:
        pred, target = pred[:, None], target[:, None]
    if pred.ndim < 2 or pred.shape[-1] != k:
        raise AffectZooError(f"{what}: expected (N, {k}) for {k} name(s), got {tuple(pred.shape)}")
    if mask is not None:
        mask = as_tensor(mask, what)
        if mask.dtype != torch.bool:
            raise AffectZooError(f"{what}: mask must be bool (True where there is a label), got {mask.dtype}")
        if mask.shape == pred.shape[:-1]:
            mask = mask[..., None]
        if mask.shape[:-1] != pred.shape[:-1] or mask.shape[-1] not in (1, k):
            raise AffectZooError(f"{what}: mask {tuple(mask.shape)} does not fit values {tuple(pred.shape)}")
        mask = None if bool(mask.all()) else mask.expand(pred.shape).reshape(-1, k)
    return (pred, target, mask) if pred.ndim == 2 else (pred.reshape(-1, k), target.reshape(-1, k), mask)


def as_tensor(x: Any, what: str) -> Tensor:
    """A detached tensor from a tensor, an array or nested lists; half floats become float32."""
    if isinstance(x, Tensor):
        x = x.detach() if x.requires_grad else x
    else:
        try:
            x = torch.as_tensor(np.ascontiguousarray(x))
        except (TypeError, ValueError) as e:
            raise AffectZooError(f"{what}: values cannot be read as numbers ({e})") from None
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def require_finite(total: Tensor, what: str) -> None:
    """`total` is a sum over all labelled values: one test instead of one a value."""
    if not math.isfinite(float(total)):
        raise AffectZooError(f"{what}: NaN or infinity among the labelled values; mask missing labels instead")


def require_probabilities(p: Tensor, what: str) -> None:
    """Values in [0, 1] (an error in the last digits is allowed). Never guessed to be logits, never
    clipped."""
    if not p.numel():
        return
    low, high = (float(v) for v in torch.aminmax(p))
    if not (low >= -1e-6 and high <= 1 + 1e-6):  # also catches NaN
        raise AffectZooError(
            f"{what}: values from {low:g} to {high:g} are not probabilities; "
            "turn logits into probabilities by their declared kind first"
        )


def require_distributions(p: Tensor, what: str) -> None:
    """Rows in [0, 1] that sum to 1 within 0.01 (room for rounded files)."""
    require_probabilities(p, what)
    off = (p.sum(-1) - 1).abs()
    if p.numel() and not float(off.max()) <= 1e-2:
        raise AffectZooError(f"{what}: row {int(off.argmax())} sums to {float(p[off.argmax()].sum()):g}, not to 1")


def sequence_ids(keys: Sequence[Hashable]) -> Tensor:
    """Stable integers (N,) for sequence names, equal in every process; exact in float64 (52 bits)."""
    table = {
        k: int.from_bytes(hashlib.blake2b(str(k).encode(), digest_size=8).digest(), "big") >> 12 for k in set(keys)
    }
    return torch.tensor([table[k] for k in keys], dtype=torch.int64)


def width(x: Any) -> int:
    """Columns of (N, K); 1 for (N,)."""
    shape = np.shape(x) if not isinstance(x, Tensor) else x.shape
    return 1 if len(shape) < 2 else int(shape[-1])


def columns(x: Any) -> tuple[str, ...]:
    """Stand-in names '0', '1', ... for arrays without names."""
    return tuple(str(i) for i in range(width(x)))
