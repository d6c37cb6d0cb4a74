"""``evaluate``: a run's report on validation and test, or the ensemble of several runs."""

import argparse

HELP = "predict a run's test split and write its report, or measure it on other faces"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("run", metavar="RUN", help="folder, name, part of it, or architecture")
    parser.add_argument(
        "--data",
        help="data set (default: the one the run was trained on); another one is measured and "
        "printed, with each emotion's recall, and the run stays as it is",
    )
    parser.add_argument(
        "--split",
        choices=("test", "all"),
        default="test",
        help="of another data set: its test split, or all its faces if the run saw none of them",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda:N or auto (default: auto)")
    parser.add_argument(
        "--ensemble",
        metavar="RUN",
        nargs="+",
        default=[],
        help="print the ensemble of RUN and these runs instead, from their stored predictions, or "
        "on the faces that --data names",
    )


def run(args: argparse.Namespace) -> int:
    """Do it and print the figures."""
    from emotion_core.errors import ConfigError
    from emotion_core.runs import pick_run

    stored = args.ensemble and not args.data
    if stored and (args.split != "test" or args.device != "auto"):
        raise ConfigError(
            "--ensemble reads stored predictions of test: leave out --split and --device, or name "
            "other faces by --data."
        )
    first = pick_run(args.run, weights=not stored)
    if stored:
        from emotion_core.evaluation.compare import ensemble_metrics, keep_flips, load_results

        others = [pick_run(name, weights=False) for name in args.ensemble]
        results, refused = load_results([first, *others])
        for refusal in refused:
            print(f"left out: {refusal.reason}")
        _print(f"ensemble of {len(results)} runs", ensemble_metrics(results))
        if keep_flips(results):
            _print("with flip averaging", ensemble_metrics(results, flip=True))
        return 0

    from emotion_core.data.sources import load_data, same_source
    from emotion_core.evaluation.report import belongs_to, evaluate_run, measure_on

    data = load_data(args.data or first.config().data)
    # Its own data set is that also after faces were added to it.
    same = belongs_to(first, data)
    runs = list(dict.fromkeys([first, *map(pick_run, args.ensemble)]))
    for member in runs if args.split == "all" else ():
        if belongs_to(member, data) or same_source(member.config().data, data.source):
            raise ConfigError(
                f"{member.name} was trained on {data.name}: --split all would count training faces. "
                "Leave it out, or name another data set."
            )
    if not same or args.ensemble:
        metrics = measure_on(runs, data, args.split, device=args.device)
        name = f"ensemble of {len(runs)} runs" if args.ensemble else first.name
        _print(f"{name} on {data.name}, {args.split}", metrics)
        for emotion, row in metrics["per_emotion"].items():
            print(f"  {emotion:9} {row['recall']:7.2%} of {row['support']:,}")
        return 0
    report = evaluate_run(first, data, device=args.device)
    _print(f"{first.name} on test", report["test"])
    for name, metrics in report["subsets"].items():
        _print(name.replace("_", " "), metrics)
    _print("with flip averaging", report["flip_tta"]["test"])
    print(
        f"temperature {report['temperature']:.3f}, smoothing {report['smoothing']:.2f}, written to "
        f"{first.path / 'report.json'}"
    )
    return 0


def _print(title: str, metrics: dict) -> None:
    low, high = metrics["accuracy_ci95"]
    print(
        f"{title}: accuracy {metrics['accuracy']:.2%} (95 % interval {low:.2%} to {high:.2%}), "
        f"macro-F1 {metrics['macro_f1']:.4f}, ECE {metrics['ece']:.4f}, {metrics['n']:,} faces"
    )
