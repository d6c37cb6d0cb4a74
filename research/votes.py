"""What the second head on FER+ votes brings on validation, in pairs of runs that differ in it alone.

``python -m research.votes`` trains a small network twice per seed, with the same faces in the same
order, and compares the answers face by face. FER+ votes must be here (``data fetch ferplus``).
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotion_core.errors import EmotionError, RunError
from emotion_core.evaluation.scores import ends
from emotion_core.evaluation.transfer import resampled
from emotion_core.probabilities import softmax
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.runs.run import Run
from emotion_core.training.settle import settled
from emotion_core.training.terminal import train_in_terminal
from emotion_core.units import faces, number, percent_range, several
from research.experiments import run_of


@dataclass(frozen=True)
class Pair:
    """Answers of one seed's two runs to validation, per face.

    Attributes:
        correct: ``(2, n)`` without and with votes.
        nll: ``(2, n)`` negative log-likelihood of the label, calibrated.
    """

    correct: np.ndarray
    nll: np.ndarray


def config_of(seed: int, votes: float, args: argparse.Namespace) -> TrainConfig:
    """Settings of one run."""
    return recipe_config(
        "ours",
        "sequential",
        options={"width": args.width},
        data=args.data,
        epochs=args.epochs,
        seed=seed,
        votes=votes,
        threads=1,
    )


def answers(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Correct ``(n,)`` and negative log-likelihood ``(n,)`` of a run on validation.

    Raises:
        RunError: it has no predictions.
    """
    arrays, report = run.predictions(), run.require_report()
    if arrays is None:
        raise RunError(f"Run '{run.name}' has no predictions.npz.")
    labels = arrays["val_labels"]
    probs = softmax(arrays["val_logits"].astype(np.float64), *report.calibration)
    likelihood = np.take_along_axis(probs, labels[:, None], axis=1)[:, 0]
    return probs.argmax(axis=1) == labels, -np.log(np.maximum(likelihood, 1e-12))


def summary(pairs: Sequence[Pair]) -> list[str]:
    """Each seed, and the mean over the seeds with a paired 95 % interval over the faces."""
    lines = []
    for seed, pair in enumerate(pairs):
        lines.append(
            f"seed {seed}: accuracy {pair.correct[0].mean():.2%} and {pair.correct[1].mean():.2%}, "
            f"NLL {pair.nll[0].mean():.4f} and {pair.nll[1].mean():.4f}"
        )
    gain = np.mean([pair.correct[1].astype(float) - pair.correct[0] for pair in pairs], axis=0)
    loss = np.mean([pair.nll[1] - pair.nll[0] for pair in pairs], axis=0)
    low, high = ends(resampled(loss))
    lines.append(
        f"with votes: {number(100 * gain.mean(), 2, 'points', sign=True)} of accuracy "
        f"({percent_range(ends(resampled(gain)), sign=True)}), NLL "
        f"{number(loss.mean(), 4, sign=True)} ({number(low, 4, sign=True)} to "
        f"{number(high, 4, sign=True)}), {several(len(pairs), 'seed')}, {faces(len(gain))}"
    )
    return lines


def main(words: Sequence[str] | None = None) -> int:
    """Train what is missing and print the pairs; 3 when stopped and resumable."""
    parser = argparse.ArgumentParser(prog="python -m research.votes", description=__doc__)
    parser.add_argument("--data", default="fer2013", help="where FER-2013 is (default: fer2013)")
    parser.add_argument("--epochs", type=int, default=8, help="of each run (default: 8)")
    parser.add_argument("--seeds", type=int, default=3, help="pairs of runs (default: 3)")
    parser.add_argument(
        "--votes", type=float, default=0.5, help="weight of the head (default: 0.5)"
    )
    parser.add_argument("--width", type=int, default=16, help="of the network (default: 16)")
    args = parser.parse_args(words)
    pairs = []
    for seed in range(args.seeds):
        found = []
        for votes in (0.0, args.votes):
            run = run_of(settled(config_of(seed, votes, args)))
            if run.status().state != "finished" and not train_in_terminal(run, run.config()):
                print("Go on by the same command.")
                return 3
            found.append(answers(run))
        correct, nll = (np.stack(each) for each in zip(*found, strict=True))
        pairs.append(Pair(correct, nll))
        print("\n".join(summary(pairs)))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EmotionError as error:
        sys.exit(f"error: {error}")
