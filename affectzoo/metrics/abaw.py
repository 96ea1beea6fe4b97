"""The scores of the ABAW challenges (Aff-Wild2): P_VA, P_EXPR, P_AU and their sum P_MTL.

P_VA = (CCC_V + CCC_A)/2; P_EXPR = macro F1 of 8 expressions; P_AU = mean F1 of 12 action units; P_MTL = P_VA
+ P_EXPR + P_AU (Kollias et al., ABAW competitions 2022 to 2026). Labels come with invalid codes, -5 for
valence and arousal, -1 for expression and units: here they become masks, frame by frame (a frame with one
invalid code is left out), and anything else out of range raises. Ours: where scikit-learn would warn and give
0 (a unit in neither truth nor prediction), P_AU counts 0 too, because the organisers' mean runs over all 12;
`au_f1` would leave such a unit out.

On labels with masks, as a benchmark has them, the parts are registered metrics: P_VA is `vad/ccc` in the space
`va`, P_EXPR is `emotion/f1_macro` in `abaw8`, P_AU is `au/au_f1_zero` in `abaw12`. P_MTL is a sum over three
fields with three masks, so it is no metric of one field; it is here only.
"""

from typing import Any

import torch
from torch import Tensor

from affectzoo.errors import AffectZooError
from affectzoo.metrics.au import AUF1
from affectzoo.metrics.base import StatMetric
from affectzoo.metrics.ccc import CCC
from affectzoo.metrics.checks import as_tensor
from affectzoo.metrics.classification import F1Macro

INVALID_VA, INVALID = -5, -1
EXPRESSIONS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other")
UNITS = tuple(f"AU{n:02d}" for n in (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26))


class ABAW(torch.nn.Module):
    """The multi-task score over many updates and processes: update_va, update_expr, update_au, then compute.

    compute gives {"p_va", "p_expr", "p_au", "p_mtl"}; a part without labelled frames is NaN, and so is the
    sum.
    """

    def __init__(self):
        super().__init__()
        self.va, self.expr, self.au = CCC(("valence", "arousal")), F1Macro(EXPRESSIONS), AUF1(UNITS, absent="zero")

    def update_va(self, pred: Any, truth: Any) -> None:
        """pred, truth (N, 2) valence and arousal in [-1, 1]; truth -5 is unlabelled."""
        self.va.update(*_va(pred, truth))

    def update_expr(self, pred: Any, truth: Any) -> None:
        """pred, truth (N,) integers 0 to 7; truth -1 is unlabelled."""
        self.expr.update(*_expr(pred, truth))

    def update_au(self, pred: Any, truth: Any) -> None:
        """pred (N, 12) decisions 0/1 (or probabilities, threshold 0.5); truth (N, 12) 0/1, -1 is
        unlabelled."""
        self.au.update(*_au(pred, truth))

    def compute(self) -> dict[str, Tensor]:
        """The four scores of what was seen so far."""
        va, expr, au = self.va.compute(), self.expr.compute(), self.au.compute()
        return {"p_va": va, "p_expr": expr, "p_au": au, "p_mtl": va + expr + au}

    def reset(self) -> None:
        """Forget everything."""
        for metric in (self.va, self.expr, self.au):
            metric.reset()


def p_va(pred: Any, truth: Any) -> Tensor:
    """Mean CCC of valence and arousal over valid frames. pred, truth (N, 2); truth -5 is unlabelled."""
    return _one(CCC(("valence", "arousal")), *_va(pred, truth))


def p_expr(pred: Any, truth: Any) -> Tensor:
    """Macro F1 over 8 expressions over valid frames. pred, truth (N,) integers; truth -1 is unlabelled."""
    return _one(F1Macro(EXPRESSIONS), *_expr(pred, truth))


def p_au(pred: Any, truth: Any) -> Tensor:
    """Mean F1 over 12 units over valid frames. pred, truth (N, 12); truth -1 is unlabelled."""
    return _one(AUF1(UNITS, absent="zero"), *_au(pred, truth))


def p_mtl(va: tuple[Any, Any], expr: tuple[Any, Any], au: tuple[Any, Any]) -> Tensor:
    """P_VA + P_EXPR + P_AU; each argument is (pred, truth)."""
    return p_va(*va) + p_expr(*expr) + p_au(*au)


def _one(metric: StatMetric, pred: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    metric.update(pred, truth, mask)
    return metric.compute()


def _va(pred: Any, truth: Any) -> tuple[Tensor, Tensor, Tensor]:
    pred, truth = as_tensor(pred, "p_va").double(), as_tensor(truth, "p_va").double()
    keep = (truth != INVALID_VA).all(-1)
    if bool((truth[keep].abs() > 1).any()):
        raise AffectZooError("p_va: valence and arousal lie in [-1, 1]; -5 means unlabelled")
    return pred, truth, keep


def _expr(pred: Any, truth: Any) -> tuple[Tensor, Tensor, Tensor]:
    pred, truth = as_tensor(pred, "p_expr"), as_tensor(truth, "p_expr")
    return pred, truth, truth != INVALID


def _au(pred: Any, truth: Any) -> tuple[Tensor, Tensor, Tensor]:
    pred, truth = as_tensor(pred, "p_au").double(), as_tensor(truth, "p_au")
    return pred, truth.double(), (truth != INVALID).all(-1)
