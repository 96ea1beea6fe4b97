"""Our metrics beside torchmetrics, scikit-learn and audmetric: same arrays, one process, interleaved.

    python benchmarks/metrics.py [--rows 1000000] [--repeats 7] [--threads 1] [--no-write]

Each contender gets the same float64 values or int64 classes. "1 update": all rows at once. "1,000 updates":
batches; libraries without a state (scikit-learn, audmetric) keep all rows and are called once at the end,
which needs memory that grows with the data and is marked "keeps rows". The best of the repeats counts;
repeats of all contenders are interleaved, so that a busy machine hits all alike. The error is the largest
over the columns against math.fsum (CCC) or exact fractions of counts. `exact` means: within 1e-9 of the
definition. Writes benchmarks/results/metrics.json.
"""

import argparse
import json
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import audmetric
import numpy as np
import torch
import torchmetrics
from _machine import machine
from sklearn import metrics as sk
from torchmetrics import classification as tmc

from affectzoo.metrics.au import AUF1
from affectzoo.metrics.ccc import CCC
from affectzoo.metrics.classification import UAR, F1Macro

RESULT = Path(__file__).parent / "results" / "metrics.json"
EXACT = 1e-9


@dataclass
class Contender:
    """One way to the score: a function of batches of (pred, target)."""

    name: str
    run: Callable[[list], float]
    keeps_rows: bool = False
    note: str = ""


def stateful(metric: torchmetrics.Metric) -> Callable[[list], float]:
    """Reset, update with every batch, compute: a metric is built once and lives through many epochs."""

    def run(batches: list) -> float:
        metric.reset()
        for pred, target in batches:
            metric.update(pred, target)
        return float(metric.compute())

    return run


def at_the_end(score: Callable) -> Callable[[list], float]:
    """Keep NumPy rows, join them, call once."""

    def run(batches: list) -> float:
        if len(batches) == 1:
            pred, target = (x.numpy() for x in batches[0])
        else:
            pred, target = (np.concatenate([b[i].numpy() for b in batches]) for i in (0, 1))
        return float(score(target, pred))

    return run


def contenders() -> dict[str, list[Contender]]:
    """Who takes part in each task."""
    names = tuple("abcdefgh")
    units = tuple(f"AU{i:02d}" for i in range(12))
    quick = {"validate_args": False}
    return {
        "ccc": [
            Contender("affectzoo", stateful(CCC(("v",)))),
            Contender("torchmetrics", stateful(torchmetrics.ConcordanceCorrCoef()), note="ddof 1"),
            Contender("audmetric", at_the_end(audmetric.concordance_cc), True),
        ],
        "f1_macro": [
            Contender("affectzoo", stateful(F1Macro(names))),
            Contender("torchmetrics", stateful(tmc.MulticlassF1Score(8, average="macro"))),
            Contender(
                "torchmetrics unchecked",
                stateful(tmc.MulticlassF1Score(8, average="macro", **quick)),
                note="accepts classes out of range",
            ),
            Contender("scikit-learn", at_the_end(lambda t, p: sk.f1_score(t, p, average="macro")), True),
            Contender(
                "audmetric",
                at_the_end(lambda t, p: audmetric.unweighted_average_fscore(t, p, labels=list(range(8)))),
                True,
            ),
        ],
        "uar": [
            Contender("affectzoo", stateful(UAR(names))),
            Contender("torchmetrics", stateful(tmc.MulticlassRecall(8, average="macro"))),
            Contender(
                "torchmetrics unchecked",
                stateful(tmc.MulticlassRecall(8, average="macro", **quick)),
                note="accepts classes out of range",
            ),
            Contender("scikit-learn", at_the_end(lambda t, p: sk.recall_score(t, p, average="macro")), True),
            Contender(
                "audmetric",
                at_the_end(lambda t, p: audmetric.unweighted_average_recall(t, p, labels=list(range(8)))),
                True,
            ),
        ],
        "multilabel_f1": [
            Contender("affectzoo", stateful(AUF1(units))),
            Contender("torchmetrics", stateful(tmc.MultilabelF1Score(12, average="macro"))),
            Contender(
                "torchmetrics unchecked",
                stateful(tmc.MultilabelF1Score(12, average="macro", **quick)),
                note="guesses logits from the range",
            ),
            Contender("scikit-learn", at_the_end(lambda t, p: sk.f1_score(t, p >= 0.5, average="macro")), True),
        ],
    }


def data(rows: int) -> dict[str, tuple[str, torch.Tensor, torch.Tensor, float]]:
    """Task data: which contenders, pred, target, true score."""
    g = torch.Generator().manual_seed(0)
    t = 2 * torch.rand(rows, generator=g, dtype=torch.float64) - 1
    p = 0.6 * t + 0.3 * torch.randn(rows, generator=g, dtype=torch.float64)
    far_t, far_p = 1000 + 0.001 * t, 1000 + 0.001 * p
    label = torch.randint(0, 8, (rows,), generator=g)
    guess = torch.where(torch.rand(rows, generator=g) < 0.5, label, torch.randint(0, 8, (rows,), generator=g))
    truth = (torch.rand(rows, 12, generator=g) < 0.3).long()
    prob = (0.5 * torch.rand(rows, 12, generator=g) + 0.4 * truth).clamp(0, 1)
    return {
        "CCC": ("ccc", p, t, true_ccc(p, t)),
        "CCC at 1000 ± 0.001": ("ccc", far_p, far_t, true_ccc(far_p, far_t)),
        "macro F1, 8 classes": ("f1_macro", guess, label, true_classes(guess, label)[0]),
        "UAR, 8 classes": ("uar", guess, label, true_classes(guess, label)[1]),
        "macro F1, 12 labels": ("multilabel_f1", prob, truth, true_multilabel(prob, truth)),
    }


def true_ccc(p: torch.Tensor, t: torch.Tensor) -> float:
    """Lin's CCC with exactly rounded sums about the exactly rounded means."""
    p, t = p.tolist(), t.tolist()
    n, mp, mt = len(p), math.fsum(p) / len(p), math.fsum(t) / len(t)
    a, b = (
        [v - mp for v in p],
        [v - mt for v in t],
    )  # exact for values this close (Sterbenz), else one rounding
    ea, eb = math.fsum(a) / n, math.fsum(b) / n
    sab = math.fsum(x * y for x, y in zip(a, b, strict=True)) / n - ea * eb
    saa, sbb = math.fsum(x * x for x in a) / n - ea * ea, math.fsum(y * y for y in b) / n - eb * eb
    return 2 * sab / (saa + sbb + ((mp - mt) + (ea - eb)) ** 2)


def true_classes(p: torch.Tensor, t: torch.Tensor) -> tuple[float, float]:
    """Macro F1 and UAR as fractions of whole counts."""
    hits = [int(((p == c) & (t == c)).sum()) for c in range(8)]
    pred, true = ([int((x == c).sum()) for c in range(8)] for x in (p, t))
    f1 = sum(Fraction(2 * h, a + b) for h, a, b in zip(hits, pred, true, strict=True)) / 8
    return float(f1), float(sum(Fraction(h, b) for h, b in zip(hits, true, strict=True)) / 8)


def true_multilabel(p: torch.Tensor, t: torch.Tensor) -> float:
    """Macro F1 over labels as fractions of whole counts."""
    yes = p >= 0.5
    parts = [
        Fraction(2 * int((yes[:, k] & (t[:, k] == 1)).sum()), int(yes[:, k].sum()) + int(t[:, k].sum()))
        for k in range(12)
    ]
    return float(sum(parts) / 12)


def measure(task: list[Contender], batches: list, truth: float, repeats: int) -> list[dict]:
    """Best time and error of each contender; the rounds go through all of them."""
    best = {c.name: math.inf for c in task}
    value: dict[str, float] = {}
    for _ in range(repeats):
        for c in task:
            start = time.perf_counter()
            value[c.name] = c.run(batches)
            best[c.name] = min(best[c.name], time.perf_counter() - start)
    return [
        {
            "name": c.name,
            "ms": round(1e3 * best[c.name], 3),
            "error": abs(value[c.name] - truth),
            "exact": abs(value[c.name] - truth) <= EXACT,
            "keeps_rows": c.keeps_rows,
            "note": c.note,
        }
        for c in task
    ]


def ratio(found: list[dict], allowed: Callable[[dict], bool]) -> float | None:
    """Time of the fastest allowed other over ours: above 1 means that we are faster."""
    others = [f["ms"] for f in found[1:] if allowed(f)]
    return round(min(others) / found[0]["ms"], 2) if others else None


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.simplefilter("ignore")
    result = {
        "rows": args.rows,
        "repeats": args.repeats,
        "machine": machine("torchmetrics", "scikit-learn", "audmetric"),
        "tasks": [],
    }
    who = contenders()
    for title, (task, pred, target, truth) in data(args.rows).items():
        for updates in (1, 1000):
            found = measure(
                who[task],
                list(zip(pred.chunk(updates), target.chunk(updates), strict=True)),
                truth,
                args.repeats,
            )
            row = {
                "task": title,
                "updates": updates,
                "truth": truth,
                "contenders": found,
                "faster_than_best_exact": ratio(found, lambda f: f["exact"]),
                "faster_than_best_exact_streaming": ratio(found, lambda f: f["exact"] and not f["keeps_rows"]),
                "faster_than_best_of_all": ratio(found, lambda f: True),
            }
            result["tasks"].append(row)
            show(row)
    if not args.no_write:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


def show(row: dict) -> None:
    """One table."""
    print(f"\n{row['task']}, {row['updates']} update(s)")
    for f in row["contenders"]:
        notes = ", ".join(x for x in (f["note"], "keeps rows" if f["keeps_rows"] else "") if x)
        print(
            f"  {f['name']:24s} {f['ms']:10.2f} ms   error {f['error']:.1e} {'exact' if f['exact'] else 'NOT exact'}"
            f"{'   (' + notes + ')' if notes else ''}"
        )
    print(
        f"  ours against the fastest exact: {row['faster_than_best_exact']}x; of those that keep no rows: "
        f"{row['faster_than_best_exact_streaming']}x; against all: {row['faster_than_best_of_all']}x"
    )


if __name__ == "__main__":
    main()
