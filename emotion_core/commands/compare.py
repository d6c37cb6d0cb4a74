"""``compare``: runs side by side on the terminal, as one HTML file or as JSON."""

import argparse

HELP = "compare runs on their shared test set: who is better, by how much, and whether it is chance"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="folders, names, parts of them, or architectures"
    )
    parser.add_argument("--html", metavar="FILE", help="write one self-contained HTML report")
    parser.add_argument("--json", metavar="FILE", help="write the same numbers as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the table and the pair tests, and write what was asked for."""
    from pathlib import Path

    from emotion_core.evaluation import compare
    from emotion_core.evaluation.robustness import load_robustness
    from emotion_core.files import write_bytes
    from emotion_core.runs.catalog import pick_run
    from emotion_core.text import plain

    runs = [pick_run(name, weights=False) for name in args.runs]
    comparison = compare.compare_runs(runs)
    for refusal in comparison.refused:
        print(plain(f"left out: {refusal.reason}"))
    rows = sorted(map(compare.table_row, comparison.results), key=lambda row: -row["accuracy"])
    labels = [plain(row["label"]) for row in rows]
    width = max(map(len, labels))
    print(f"{'run':{width}}  accuracy  95 % interval    macro-F1    ECE  parameters   CPU ms")
    for label, row in zip(labels, rows, strict=True):
        print(
            f"{label:{width}}  {row['accuracy']:8.2%}  "
            f"{row['accuracy_low']:.2%} to {row['accuracy_high']:.2%}  {row['macro_f1']:6.4f}  "
            f"{row['ece']:.4f}  {row['parameters'] / 1e6:8.2f} M  {row['latency_ms']:7.2f}"
        )
    if comparison.synthetic:
        print("Measured on synthetic faces.")
    for pair in comparison.pairs:
        print(plain(comparison.sentence(pair)))
    if comparison.ensemble is not None:
        scores, gain = comparison.ensemble.scores, comparison.ensemble.gain
        print(f"Ensemble of all: {scores.accuracy:.2%}, {100 * gain:+.1f} points on the best.")

    if args.html or args.json:
        from emotion_core.reporting.html import comparison_html, comparison_json

        kept = {result.name for result in comparison.results}
        compared = [run for run in runs if run.name in kept]
        measured = {run.name: found for run in compared if (found := load_robustness(run))}
        for path, write in ((args.html, comparison_html), (args.json, comparison_json)):
            if path:
                write_bytes(Path(path), write(comparison, measured).encode(), parents=True)
                print(f"written: {path}")
    return 0
