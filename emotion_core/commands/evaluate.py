"""``evaluate``: a run's report on validation and test, or the ensemble of several runs."""

import argparse

HELP = "predict a run's test split and write report.json and predictions.npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("run", metavar="RUN", help="run folder, name, or a part of its name")
    parser.add_argument("--data", help="data set (default: the one the run was trained on)")
    parser.add_argument("--device", default="auto", help="cpu, cuda:N or auto (default: auto)")
    parser.add_argument(
        "--ensemble",
        metavar="RUN",
        nargs="+",
        default=[],
        help="print the ensemble of RUN and these runs from their stored predictions instead",
    )


def run(args: argparse.Namespace) -> int:
    """Do it and print the figures."""
    from emotion_core.runs import load_run

    first = load_run(args.run)
    if args.ensemble:
        from emotion_core.evaluation.compare import ensemble_metrics, load_results

        results, refused = load_results([first, *map(load_run, args.ensemble)])
        for refusal in refused:
            print(f"left out: {refusal.reason}")
        _print(f"ensemble of {len(results)} runs", ensemble_metrics(results))
        return 0

    from emotion_core.data.sources import load_data
    from emotion_core.evaluation.report import evaluate_run

    report = evaluate_run(first, load_data(args.data or first.config().data), device=args.device)
    _print(f"{first.name} on test", report["test"])
    for name, metrics in report["subsets"].items():
        _print(name.replace("_", " "), metrics)
    _print("with flip averaging", report["flip_tta"]["test"])
    print(f"temperature {report['temperature']:.3f}, written to {first.path / 'report.json'}")
    return 0


def _print(title: str, metrics: dict) -> None:
    low, high = metrics["accuracy_ci95"]
    print(
        f"{title}: accuracy {metrics['accuracy']:.2%} (95 % interval {low:.2%} to {high:.2%}), "
        f"macro-F1 {metrics['macro_f1']:.4f}, ECE {metrics['ece']:.4f}, {metrics['n']:,} faces"
    )
