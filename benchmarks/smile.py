"""Smiles of the Face Research Lab London Set: an SVM on raw pixels, and the gaps between groups of people.

    AFFECTZOO_DATA=... python benchmarks/smile.py [TABLE ...] [--side 48] [--draws 2000] [--no-write]

The SVM (linear, C 0.01, grey pixels of the whole picture scaled to --side) is trained in the six folds of the benchmark
london-smile; nothing was tuned. It and every TABLE (out-of-fold predictions of that benchmark) get their UAR with the
benchmark's interval and, by gender, ethnicity and age, pictures, errors, the error share with its Wilson interval, and
the gap between the best and the worst group with a 95 % interval that draws people within each. Groups of fewer than
MIN_PEOPLE are counted and enter no gap. Writes benchmarks/results/smile.json.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from sklearn.svm import SVC

from affectzoo.leaderboard.answers import lay_over
from affectzoo.leaderboard.benchmark import load_benchmark
from affectzoo.leaderboard.evaluate import evaluate
from affectzoo.leaderboard.exam import Exam, open_exam
from affectzoo.leaderboard.trained import key_hash
from affectzoo.structures.table import PredictionTable, TableMeta

BENCHMARK = "london-smile"
RESULT = Path(__file__).parent / "results" / "smile.json"
MIN_PEOPLE = 5


def svm_table(exam: Exam, side: int) -> PredictionTable:
    """Out-of-fold answers of the SVM; its decision goes through a logistic function, uncalibrated."""
    import pandas as pd

    pixels = np.stack([_grey(s.load().signals["face"].data[0], side) for s in exam.samples])
    smiles = exam.truth["emotion"].values.argmax(1)
    rows, lists = [], {}
    for fold in exam.folds:
        train, test = ([exam.index[k] for k in keys] for keys in (fold.train, fold.test))
        mean, sd = pixels[train].mean(0), pixels[train].std(0) + 1e-6
        model = SVC(kernel="linear", C=0.01).fit((pixels[train] - mean) / sd, smiles[train])
        p = 1 / (1 + np.exp(-model.decision_function((pixels[test] - mean) / sd)))
        names = exam.space.names("emotion")
        rows += [
            {"key": k, "track": "", "t_s": np.nan, f"emotion.{names[0]}": 1 - q, f"emotion.{names[1]}": q}
            for k, q in zip(fold.test, p, strict=True)
        ]
        lists[fold.name] = sorted(key_hash(exam.benchmark.dataset, k) for k in fold.train)
    frame = pd.DataFrame(rows).assign(source="", error="")
    notes = {"training_keys_by_fold": lists}
    meta = TableMeta(exam.space.to_dict(), {"emotion": "probabilities"}, model={"arch": "raw-pixel SVM"}, notes=notes)
    return PredictionTable(frame, meta)


def groups(exam: Exam, table: PredictionTable, draws: int) -> dict:
    """Attribute -> its values with counts, and the gap between the best and the worst."""
    right = lay_over(table, exam).values["emotion"].argmax(1) == exam.truth["emotion"].values.argmax(1)
    people = exam.groups("subject")
    out = {}
    for attribute in exam.benchmark.slices:
        value = exam.groups(attribute)
        # both pictures of a person count alike, so that the UAR of a group is its share of right answers
        by = {v: _by_person(right[value == v], people[value == v]) for v in sorted(set(value))}
        out[attribute] = {"values": {v: _counts(x) for v, x in by.items()}}
        large = {v: x for v, x in by.items() if len(x) >= MIN_PEOPLE and v != "unknown"}
        best, worst = (f(large, key=lambda v: large[v].mean()) for f in (max, min))
        rng = np.random.default_rng(0)
        drawn = [rng.choice(large[v], (draws, len(large[v]))).mean(1) for v in (best, worst)]
        low, high = np.percentile(drawn[0] - drawn[1], [2.5, 97.5])
        gap = float(large[best].mean() - large[worst].mean())
        out[attribute]["gap"] = {"best": best, "worst": worst, "uar": gap, "low": float(low), "high": float(high)}
    return out


def _by_person(right: np.ndarray, people: np.ndarray) -> np.ndarray:
    names, index = np.unique(people.astype(str), return_inverse=True)
    return np.bincount(index, right) / np.bincount(index)


def _counts(share: np.ndarray) -> dict:
    n, wrong, z = 2 * len(share), float(2 * (1 - share).sum()), 1.96
    middle = (wrong + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(wrong * (n - wrong) / n + z * z / 4)
    limits = {"low": max(0.0, float(middle - half)), "high": float(middle + half)}
    return {"people": len(share), "pictures": n, "errors": round(wrong), "error_share": wrong / n, **limits}


def _grey(picture: np.ndarray, side: int) -> np.ndarray:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).ravel() / 255.0


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", type=Path)
    parser.add_argument("--side", type=int, default=48)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--no-write", action="store_true")
    args = parser.parse_args()
    exam = open_exam(load_benchmark(BENCHMARK))
    tables = {f"raw-pixel SVM, {args.side} px": svm_table(exam, args.side)}
    tables |= {path.parent.name + "/" + path.name: PredictionTable.read(path) for path in args.tables}
    result = {"benchmark": BENCHMARK, "draws": args.draws, "systems": {}}
    for name, table in tables.items():
        score = evaluate(table, BENCHMARK, data=exam).scores["emotion/uar"]
        found = {"uar": score.value, "low": score.low, "high": score.high, "groups": groups(exam, table, args.draws)}
        result["systems"][name] = found
        print(f"{name}: UAR {score.value:.3f} [{score.low:.3f}, {score.high:.3f}]")
        for attribute, x in found["groups"].items():
            told = ", ".join(f"{v} {c['errors']}/{c['pictures']}" for v, c in x["values"].items())
            gap = x["gap"]
            print(f"  {attribute}: errors {told}; gap {gap['uar']:.3f} [{gap['low']:.3f}, {gap['high']:.3f}]")
    if not args.no_write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
