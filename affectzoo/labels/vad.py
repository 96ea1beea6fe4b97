"""Between emotion words and valence-arousal-dominance, through the Gaussians of Russell & Mehrabian 1977.

A category's `term` names a diagonal Gaussian (mean and spread over raters, range [-1, 1]). A point
then has a posterior over the classes (arXiv 2602.06778, uniform prior); a distribution over them has a mean.

Pitfalls:
- The code released with arXiv 2602.06778 gives fearful the dominance of the row above it in the printed table
  (hungry): (-.21, .27) where the table has (-.43, .30). The table is used here.
- neutral was not measured; its Gaussian (0, sd .1) was added by those authors, who also use other values.
- Far from every mean the widest Gaussian wins: in `rm8` a calm point (.6, -.5, .1) is called contempt (.92).
  A space with a calm class (`rm9_calm_ours`, `ravdess8`) answers calm; that class is our addition.
- Both directions lose: words are points that overlap, and a mean forgets how the mass was spread.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from affectzoo.errors import AffectZooError, UndefinedMappingError, UnknownNameError
from affectzoo.labels.space import LabelSpace, as_space
from affectzoo.schema import read_yaml

AXES = ("valence", "arousal", "dominance")
DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Term:
    """A word's Gaussian: mean and sd (3,) in the order of AXES; source: where the numbers come from."""

    mean: tuple[float, ...]
    sd: tuple[float, ...]
    source: str


@cache
def terms() -> dict[str, Term]:
    """Every term with a Gaussian: measured ones, the added neutral and the fused ones (ours)."""
    measured, added = read_yaml(DATA / "rm77.yaml"), read_yaml(DATA / "terms_added.yaml")
    out = {n: _term(t, "Russell & Mehrabian 1977, Table 4") for n, t in measured["terms"].items()}
    out["neutral"] = _term(added["neutral"], added["neutral"]["source"])
    return out | {n: _term(t, "fused by us from " + t["members"]) for n, t in added["fused"].items()}


def _term(data: dict, source: str) -> Term:
    return Term(tuple(data["mean"]), tuple(data["sd"]), source)


@cache
def correlations() -> dict[str, tuple[float, float, float]]:
    """Assumed correlations by term: valence-dominance, arousal-dominance, valence-arousal."""
    return {n: tuple(r) for n, r in read_yaml(DATA / "terms_added.yaml")["correlations"].items()}


def space_gaussians(space: LabelSpace | str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean (K, 3), sd (K, 3), defined (K,) bool) of a space's categories; NaN where a category has no term.

    Raises UnknownNameError for a term without numbers, UndefinedMappingError when no category has a term.
    """
    return _gaussians(as_space(space))


@cache
def _gaussians(space: LabelSpace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    k = space.size("emotion")
    mean, sd = np.full((k, 3), np.nan), np.full((k, 3), np.nan)
    for i, category in enumerate(space.categories):
        if category.term is None:
            continue
        if category.term not in terms():
            raise UnknownNameError("term", category.term, terms(), f"label space {space.name!r}: {category.name}")
        mean[i], sd[i] = terms()[category.term].mean, terms()[category.term].sd
    defined = ~np.isnan(mean[:, 0])
    if not defined.any():
        raise UndefinedMappingError(f"no category of {space.name!r} has measured valence and arousal")
    for array in (mean, sd, defined):
        array.flags.writeable = False
    return mean, sd, defined


def distribution_to_vad(space: LabelSpace | str, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean VAD of a distribution over a space's categories: sum_c p_c mu_c over the classes that have a term.

    p: (..., K) >= 0, not logits. Returns vad (..., 3), an average over the defined mass (NaN where there is
    none), and that mass (...), so that a caller can refuse answers that rest on little of it.
    """
    mean, _, defined = space_gaussians(space)
    p = _check_distribution(space, p)[..., defined]
    mass = p.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (p @ mean[defined]) / mass[..., None], mass


def mixture_sd(space: LabelSpace | str, p: np.ndarray) -> np.ndarray:
    """Standard deviation (..., 3) of the mixture sum_c p_c N(mu_c, sd_c), law of total variance (ours)."""
    mean, sd, defined = space_gaussians(space)
    vad, mass = distribution_to_vad(space, p)
    p = np.asarray(p, float)[..., defined]
    with np.errstate(invalid="ignore", divide="ignore"):
        second = (p @ (sd[defined] ** 2 + mean[defined] ** 2)) / mass[..., None]
    return np.sqrt(np.maximum(second - vad**2, 0.0))


def _check_distribution(space: LabelSpace | str, p: np.ndarray) -> np.ndarray:
    space, p = as_space(space), np.asarray(p, float)
    if p.ndim < 1 or p.shape[-1] != space.size("emotion"):
        raise AffectZooError(f"shape {p.shape} does not fit {space.size('emotion')} categories of {space.name!r}")
    if (p < 0).any():
        raise AffectZooError(f"negative values are no distribution over {space.name!r}; logits need softmax")
    return p


def vad_to_distribution(space: LabelSpace | str, vad: np.ndarray) -> np.ndarray:
    """Posterior (..., K) over a space's categories at VAD points, uniform prior, diagonal Gaussians.

    vad: (..., 3), or (..., 2) valence and arousal, whose dominance `fill_dominance` supplies. Categories
    without a term get 0. A NaN point gives NaN.
    arXiv 2602.06778: p(c|x) = softmax_c sum_d log N(x_d; mu_cd, sd_cd).
    """
    mean, sd, defined = space_gaussians(space)
    vad = _check_points(vad, (2, 3))
    if vad.shape[-1] == 2:
        vad = np.concatenate([vad, fill_dominance(space, vad)[..., None]], -1)
    p = np.zeros((*vad.shape[:-1], len(defined)))
    p[..., defined] = _softmax(_log_gaussian(vad, mean[defined], sd[defined]))
    p[np.isnan(vad).any(-1)] = np.nan
    return p


def fill_dominance(space: LabelSpace | str, va: np.ndarray) -> np.ndarray:
    """Dominance (...) for points (..., 2) of valence and arousal; an estimate, not a measurement.

    arXiv 2602.06778 (released code): each class regresses D on V and A with assumed correlations (0 for terms
    without any), D_c = mu_D + b1 (v - mu_V) + b2 (a - mu_A), clipped to [-1, 1]; D = sum_c w_c D_c with
    w_c ~ N(v) N(a). That the clip form is used, and not the tanh form of the later code, is our choice.
    """
    mean, sd, defined = space_gaussians(space)
    va = _check_points(va, (2,))
    mean, sd = mean[defined], sd[defined]
    names = [c.term for c in as_space(space).categories if c.term is not None]
    r_vd, r_ad, r_va = np.array([correlations().get(n, (0.0, 0.0, 0.0)) for n in names]).T
    b1 = sd[:, 2] / sd[:, 0] * (r_vd - r_va * r_ad) / (1 - r_va**2)
    b2 = sd[:, 2] / sd[:, 1] * (r_ad - r_va * r_vd) / (1 - r_va**2)
    v, a = va[..., :1] - mean[:, 0], va[..., 1:] - mean[:, 1]
    per_class = np.clip(mean[:, 2] + b1 * v + b2 * a, -1.0, 1.0)
    return (_softmax(_log_gaussian(va, mean[:, :2], sd[:, :2])) * per_class).sum(-1)


def _check_points(points: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    points = np.asarray(points, float)
    if points.ndim < 1 or points.shape[-1] not in sizes:
        names = " or ".join(", ".join(AXES[:n]) for n in sizes)
        raise AffectZooError(f"points of shape {points.shape}: the last axis must hold {names}")
    return points


def _log_gaussian(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """(..., K) log density, without the constant that all classes share, of points (..., d) under (K, d)."""
    z = (x[..., None, :] - mean) / sd
    return -(0.5 * z**2 + np.log(sd)).sum(-1)


def _softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(-1, keepdims=True))  # the largest is exp(0): no underflow of the sum
    return e / e.sum(-1, keepdims=True)
