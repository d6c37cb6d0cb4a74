"""``compare``: runs side by side on the terminal, as one HTML file or as JSON."""

import argparse

HELP = "compare runs on their shared test set: which is better, by how much, and whether that is significant"


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

    from emotion_core.evaluation.compare import compare_runs
    from emotion_core.evaluation.robustness import load_robustness
    from emotion_core.files import write_bytes
    from emotion_core.reporting import words
    from emotion_core.reporting.columns import TERMINAL
    from emotion_core.reporting.rows import comparison_rows
    from emotion_core.reporting.terminal import table_text
    from emotion_core.runs.catalog import pick_run
    from emotion_core.text import plain

    runs = [pick_run(name, weights=False) for name in args.runs]
    comparison = compare_runs(runs)
    for refusal in comparison.refused:
        print(plain(f"{words.LEFT_OUT} {refusal.reason}"))
    rows = [row for row in comparison_rows(comparison) if row.get("accuracy")]
    print(table_text(TERMINAL, rows))
    if comparison.synthetic:
        print(words.SYNTHETIC)
    for pair in comparison.pairs:
        print(plain(words.pair_sentence(comparison, pair)))
    if comparison.ensemble is not None:
        print(plain(words.ensemble_sentence(comparison)))

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
