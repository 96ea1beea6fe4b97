"""Writes docs/benchmarks.md from benchmarks/results/*.json: `python benchmarks/table.py`. No number is typed."""

import json
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"


def result(name: str) -> dict:
    """One result file."""
    return json.loads((HERE / "results" / f"{name}.json").read_text())


def machine_line(m: dict) -> str:
    """Where the numbers come from."""
    versions = ", ".join(f"{k} {v}" for k, v in m["versions"].items())
    return f"{m['cpu']}, {m['cores']} cores, {m['torch_threads']} threads, load {m['load_1min']}; {versions}."


def speed_page(title: str, name: str, rows: list[tuple[str, str]]) -> list[str]:
    """A section of label and key pairs."""
    r = result(name)
    lines = [f"## {title}", "", r["task"], "", "| | |", "|---|---|"]
    return [*lines, *(f"| {label} | {r[key]} |" for label, key in rows), "", machine_line(r["machine"]), ""]


def metric_page() -> list[str]:
    """The metric suite beside its peers."""
    r, yes = result("metrics"), {True: "yes", False: "no"}
    lines = [f"## Metrics on {r['rows']:,} rows", ""]
    for task in r["tasks"]:
        ours = task["contenders"][0]["ms"]
        lines += [f"### {task['task']}, {task['updates']:,} update(s)", ""]
        lines += ["| | ms | time over ours | error | exact to 1e-9 | keeps all rows |", "|---|---|---|---|---|---|"]
        for c in task["contenders"]:
            cells = (
                c["name"],
                c["ms"],
                f"{c['ms'] / ours:.2f}",
                f"{c['error']:.1e}",
                yes[c["exact"]],
                yes[c["keeps_rows"]],
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
        lines.append("")
    return [*lines, machine_line(r["machine"]), ""]


def main() -> None:
    """Write the page."""
    head = ["# Speed", "", "Made by `python benchmarks/table.py` from the files in `benchmarks/results/`.", ""]
    training = [
        ("engine, s an epoch", "engine_s_per_epoch"),
        ("bare loop, s an epoch", "bare_s_per_epoch"),
        ("throughput, engine over bare loop", "throughput_ratio"),
        ("the same, paired", "paired_ratios"),
    ]
    prediction = [("predict_files, s", "predict_files_s"), ("file by file, s", "one_by_one_s"),
                  ("speed-up", "speed_up"), ("largest difference of the answers", "largest_difference")]  # fmt: skip
    page = [*head, *speed_page("Training beside a bare loop", "training", training),
            *speed_page("Prediction of short files", "prediction", prediction), *metric_page()]  # fmt: skip
    PAGE.write_text("\n".join(page))


if __name__ == "__main__":
    main()
