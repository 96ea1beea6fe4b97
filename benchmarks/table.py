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


def rows_page(head: list[str], rows: list[dict], keys: list[str]) -> list[str]:
    """A table of some keys of some records."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(str(r[k] if r[k] is not None else '') for k in keys)} |" for r in rows), ""]


def streaming_page() -> list[str]:
    """Long and live audio."""
    r = result("streaming")
    lines = ["## Long and live audio", "", "Processor time of one thread, speech/logmel_cnn as it ships.", ""]
    for s in r["stages"]:
        rates = s["seconds_per_second"]
        lines += [
            f"### {s['what']}",
            "",
            "| stage | seconds of audio a second | share of decoding's speed |",
            "|---|---|---|",
        ]
        lines += [f"| {k} | {v:,.0f} | {v / rates['decode']:.2f} |" for k, v in rates.items()] + [""]
    lines += ["### One `feed` of a live stream, windows of 3 s, one a second", ""]
    head = ["chunk, ms", "rate, Hz", "without a row, ms", "with a row, ms", "its 95th percentile", "share of real time"]
    keys = [
        "chunk_ms",
        "rate_hz",
        "without_row_median_ms",
        "with_row_median_ms",
        "with_row_p95_ms",
        "share_of_real_time",
    ]
    lines += rows_page(head, r["latency"], keys)
    lines += ["### Peak resident memory of `predict --every 1s`", ""]
    keys = ["minutes", "rows", "before_mb", "peak_mb", "cpu_seconds"]
    lines += rows_page(["minutes", "rows", "before it, MB", "peak, MB", "processor time, s"], r["memory"], keys)
    return [*lines, machine_line(r["machine"]), ""]


def face_page() -> list[str]:
    """A film of a face, from file to table."""
    r = result("face")
    ours, size = r["affectzoo"], " x ".join(map(str, r["affectzoo"]["size"]))
    rows = [{"what": f"affectzoo, {k}", "fps": v} for k, v in ours["fps"].items()]
    rows += [{"what": f"{k}, file to answers", "fps": r[k]["fps"]} for k in r["ratios"]]
    lines = ["## A film of a face: action units, emotion and VAD", ""]
    lines += [f"{r['clip']}, {ours['frames']} frames of {size}, one thread a network; frames a second", ""]
    lines += rows_page(["what", "frames a second"], rows, ["what", "fps"])
    lines += [f"File to table takes {ours['share']} times as long as its slowest stage. As fast as others: "]
    lines[-1] += ", ".join(f"{v} x {k}" for k, v in r["ratios"].items()) + ". Peak memory of the clip and of the same "
    once, ten = r["memory"]
    lines[-1] += f"ten times over: {once['peak_mb']} and {ten['peak_mb']} MB ({once['rows']} and {ten['rows']} rows)."
    return [*lines, "", machine_line(r["machine"]), ""]


def prosody_page() -> list[str]:
    """Prosody beside pYIN, Praat and openSMILE, which are measured against and never needed."""
    r = result("prosody")
    lines = ["## Prosody", "", f"{r['task']}.", "", "| | seconds of audio a second | |", "|---|---|---|"]
    lines += [f"| {name.strip()} | {v['audio_s_per_s']:,} | {v['note']} |" for name, v in r["speed"].items()]
    lines += ["", "| ratio | |", "|---|---|", *(f"| {k.replace('_', ' ')} | {v} |" for k, v in r["ratios"].items())]
    beside = r["pitch_beside_pyin"]
    lines += ["", "Pitch beside pYIN: " + ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in beside.items()) + "."]
    return [*lines, "", machine_line(r["machine"]), ""]


def activity_page() -> list[str]:
    """The rule of silence."""
    r = result("activity")
    lines = ["## Windows with and without speech", "", r["task"], ""]
    head = ["corpus", "noise", "speech windows", "kept", "pauses", "left out"]
    keys = ["corpus", "noise", "speech_windows", "kept", "pauses", "left_out"]
    return [*lines, *rows_page(head, r["rows"], keys)]


def main() -> None:
    """Write the page."""
    head = ["# Speed", "", "Made by `python benchmarks/table.py` from the files in `benchmarks/results/`.", ""]
    training = [
        ("engine, s an epoch", "engine_s_per_epoch"),
        ("bare loop, s an epoch", "bare_s_per_epoch"),
        ("what the engine adds to a step, ms", "engine_ms_per_step"),
        ("throughput, engine over bare loop", "throughput_ratio"),
        ("the same, paired", "paired_ratios"),
    ]
    prediction = [("predict_files, s", "predict_files_s"), ("file by file, s", "one_by_one_s"),
                  ("speed-up", "speed_up"), ("largest difference of the answers", "largest_difference")]  # fmt: skip
    page = [*head, *speed_page("Training beside a bare loop", "training", training),
            *speed_page("Prediction of short files", "prediction", prediction), *prosody_page(), *streaming_page(),
            *face_page(), *activity_page(), *metric_page()]  # fmt: skip
    PAGE.write_text("\n".join(page))


if __name__ == "__main__":
    main()
