"""``baseline``: HOG, PCA and an RBF SVM on the same split, as a run to compare with."""

import argparse

HELP = "fit the classical baseline (HOG, PCA, RBF SVM) as a run to compare networks with"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The data set."""
    parser.add_argument("--data", default="fer2013", help="data set (default: fer2013)")


def run(args: argparse.Namespace) -> int:
    """Fit and report."""
    from emotion_core.data.sources import load_data
    from emotion_core.evaluation.baseline import train_baseline
    from emotion_core.recipes import TrainConfig
    from emotion_core.training.settle import settled
    from emotion_core.units import percent_interval, score

    print("Fitting; FER-2013 takes about a quarter of an hour.", flush=True)
    source = settled(TrainConfig(data=args.data)).data
    found = train_baseline(load_data(source), source=source)
    test = found.require_report().test
    print(
        f"{found.name}: test accuracy {percent_interval(test.accuracy, test.accuracy_ci95)}, "
        f"macro-F1 {score(test.macro_f1)}"
    )
    return 0
