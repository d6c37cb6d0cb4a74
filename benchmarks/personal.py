"""What a personal profile gains on simulated persons: consistent changes of held-out faces.

A person is a change that is the same in all of their pictures: light, side light, blur, tilt, crop, and
a resting face (corners of the mouth and brows moved). Their pictures are faces of FER-2013's validation
split, from which no weight was learned. Frames of a take differ by small movements and noise; between takes
the person sits a little differently.

``same``: the second take shows the same faces again, as somebody who makes the same face twice.
``other``: it shows other people's faces, so that only the person's own change can help. Real people lie
between the two.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from benchmarks.command import measure

if TYPE_CHECKING:
    from emotion_core.models.checkpoint import Classifier

HELP = "what a personal profile gains on simulated persons that the model has not learned"

FRAMES = 10
PULLS = (0.003, 0.01, 0.03, 0.1, 0.3)
_CHOOSING = 10_000  # seed of the persons that the pull is chosen on
_SIDE = 48


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many persons, of which model."""
    parser.add_argument("--run", default="mobilenet_v1", help="the model (default: mobilenet_v1)")
    parser.add_argument(
        "--data", default="fer2013", help="whose validation faces (default: fer2013)"
    )
    parser.add_argument("--persons", type=int, default=40, help="simulated persons (default: 40)")
    parser.add_argument("--first", type=int, default=0, help="seed of the first (default: 0)")
    parser.add_argument(
        "--year", action="store_true", help="instead, how long a year of diary takes to open"
    )
    parser.add_argument(
        "--choose", action="store_true", help="compare strengths of the pull, on other persons"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Simulate, fit, refuse, measure; print a line per condition."""
    if args.year:
        return a_year()

    from emotion_core.data.sources import load_data
    from emotion_core.data.splits import split_indices
    from emotion_core.errors import ConfigError
    from emotion_core.models.checkpoint import load_classifier
    from emotion_core.personal.head import PULL_WEIGHTS

    if args.persons < 1:
        raise ConfigError(f"--persons must be 1 or more, got {args.persons}.")
    data = load_data(args.data)
    rows = split_indices(data).val  # the same for every shipped run
    faces, labels = np.asarray(data.images[rows]), np.asarray(data.labels[rows])
    classifier = load_classifier(args.run, backend="torch")
    pulls = PULLS if args.choose else (PULL_WEIGHTS,)
    seed = args.first + (_CHOOSING if args.choose else 0)
    results: dict[str, Any] = {"run": args.run, "persons": args.persons, "frames": FRAMES}
    for condition in ("same", "other"):
        found: dict[float, list[dict[str, float]]] = {pull: [] for pull in pulls}
        for number in range(args.persons):
            person = Person(seed + number)
            takes = person.takes(faces, labels, same=condition == "same")
            for pull, figures in one_person(classifier, takes, pulls).items():
                found[pull].append(figures)
        for pull, people in found.items():
            results[f"{condition}-{pull:g}" if args.choose else condition] = told(
                f"{condition}, pull {pull:g}", people
            )
    return results


def a_year(hours: int = 4) -> dict[str, Any]:
    """Write a year of diary in a folder of its own, then read it and compute the page's tables."""
    import os
    import tempfile
    from unittest import mock

    from emotion_core.personal import agreement, days, diary
    from emotion_core.personal.entries import CheckIn, Minute

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as home, mock.patch.dict(os.environ, EMOTION_HOME=home):
        diary.switch_on()
        diary.set_kept_days(400)
        today = int(time.time()) // 86_400
        for day in range(today - 365, today):
            first = 1440 * day + 540
            probs = rng.dirichlet(np.ones(7), 60 * hours)
            diary.write_minutes(
                Minute(first + n, 60, 50.0, tuple(row), 2, 120.0, 150.0, 3.0, 0.1, "m")
                for n, row in enumerate(probs)
            )
            diary.check_in(CheckIn(60 * first + 3600, 60, 0.1, 0.1, "happy", place="home"))
        wall, cpu = time.perf_counter(), time.process_time()
        frame, own = days.minutes_frame(diary.minutes_table()), diary.check_ins()
        opened = (time.perf_counter() - wall, time.process_time() - cpu)
        days.heat_map(frame, "happy")
        for table in (days.by_day, days.by_week, days.by_month, days.stretches):
            table(frame)
        days.by_tag(frame, own, "place")
        pairs = agreement.pair_up(frame, own)
        agreement.correlation_of_valence(pairs)
        all_of_it = (time.perf_counter() - wall, time.process_time() - cpu)
        size = diary.status().size_bytes
    print(
        f"{len(frame):,} minutes, {size / 1e6:.1f} MB: read in {opened[0]:.2f} s "
        f"({opened[1]:.2f} s of CPU), with all tables {all_of_it[0]:.2f} s ({all_of_it[1]:.2f} s)"
    )
    return {
        "minutes": len(frame),
        "bytes": size,
        "read_seconds": opened[0],
        "read_cpu_seconds": opened[1],
        "tables_seconds": all_of_it[0],
        "tables_cpu_seconds": all_of_it[1],
    }


@dataclass(frozen=True)
class Looks:
    """What is the same in all pictures of a person."""

    gamma: float
    side_light: float
    blur: float
    tilt: float
    scale: float
    mouth: float
    brows: float


class Person:
    """A simulated person."""

    def __init__(self, seed: int) -> None:
        self._rng = rng = np.random.default_rng(seed)
        self.looks = Looks(
            gamma=float(np.exp(rng.uniform(-0.5, 0.5))),
            side_light=float(rng.uniform(-0.45, 0.45)),
            blur=float(rng.uniform(0.0, 1.0)),
            tilt=float(rng.uniform(-12, 12)),
            scale=float(rng.uniform(0.9, 1.15)),
            mouth=float(rng.uniform(-2.0, 2.5)),
            brows=float(rng.uniform(-1.5, 2.0)),
        )

    def takes(
        self, faces: np.ndarray, labels: np.ndarray, *, same: bool
    ) -> dict[tuple[int, int], np.ndarray]:
        """Three takes of each expression: to learn, to decide, and to report."""
        found = {}
        for label in range(7):
            sources = self._rng.choice(np.flatnonzero(labels == label), 3, replace=False)
            for take in (1, 2, 3):
                source = faces[sources[0 if same else take - 1]]
                found[label, take] = self._take(source)
        return found

    def _take(self, face: np.ndarray) -> np.ndarray:
        rng = self._rng
        session = (rng.normal(0, 2.0), rng.normal(0, 1.0, 2), float(np.exp(rng.normal(0, 0.08))))
        return np.stack([self._frame(face, *session) for _ in range(FRAMES)])

    def _frame(self, face: np.ndarray, tilt: float, shift: np.ndarray, light: float) -> np.ndarray:
        rng, looks = self._rng, self.looks
        middle = (_SIDE - 1) / 2
        turn = cv2.getRotationMatrix2D(
            (middle, middle),
            looks.tilt + tilt + rng.normal(0, 2.0),
            looks.scale * float(np.exp(rng.normal(0, 0.02))),
        )
        turn[:, 2] += np.asarray(shift + rng.normal(0, 0.7, 2))
        moved = cv2.remap(
            face,
            *_resting(looks.mouth, looks.brows),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        moved = cv2.warpAffine(moved, turn, (_SIDE, _SIDE), borderMode=cv2.BORDER_REFLECT)
        if looks.blur > 0.15:
            moved = cv2.GaussianBlur(moved, (0, 0), looks.blur)
        shade = 1 + looks.side_light * np.linspace(-1, 1, _SIDE)[None, :]
        values: np.ndarray = (moved / 255.0) ** (looks.gamma * light) * shade * 255
        values += rng.normal(0, 2.0, values.shape) + rng.normal(0, 3.0)
        frame: np.ndarray = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        return frame


def one_person(
    classifier: "Classifier", takes: dict[tuple[int, int], np.ndarray], pulls: tuple[float, ...]
) -> dict[float, dict[str, float]]:
    """Figures of one person for each strength of the pull."""
    from emotion_core.personal.head import answers, fit_head, look
    from emotion_core.personal.takes import joined, outcome

    parts = {}
    for take in (1, 2, 3):
        images, labels = joined({key: value for key, value in takes.items() if key[1] == take})
        parts[take] = (look(classifier, images), labels)
    found = {}
    temperature = classifier.temperature
    for pull in pulls:
        started = time.perf_counter()
        head = fit_head(*parts[1], temperature, pull=pull)
        seconds = time.perf_counter() - started
        second, third = (
            outcome(labels, answers(seen, None, temperature), answers(seen, head, temperature))
            for seen, labels in (parts[2], parts[3])
        )
        kept = second.helps
        found[pull] = {
            "before": second.before,
            "fitted": second.gain,
            "kept": float(kept),
            "gain": second.gain if kept else 0.0,
            "before_later": third.before,
            "fitted_later": third.gain,
            "gain_later": third.gain if kept else 0.0,
            "seconds": seconds,
        }
    return found


def told(name: str, people: list[dict[str, float]]) -> dict[str, Any]:
    """Print and return what the persons' figures come to, in shares."""
    values = {key: np.array([person[key] for person in people]) for key in people[0]}
    result = {
        "before": float(values["before"].mean()),
        "kept": float(values["kept"].mean()),
        "median_gain": float(np.median(values["gain"])),
        "mean_gain": float(values["gain"].mean()),
        "worst": float(values["gain"].min()),
        "median_gain_later": float(np.median(values["gain_later"])),
        "mean_gain_later": float(values["gain_later"].mean()),
        "worst_later": float(values["gain_later"].min()),
        "lose_more_than_2_later": float((values["gain_later"] < -0.02).mean()),
        "median_fitted_without_refusal": float(np.median(values["fitted"])),
        "worst_fitted_without_refusal": float(values["fitted"].min()),
        "median_seconds": float(np.median(values["seconds"])),
    }
    print(
        f"{name:18} before {result['before']:.1%}  kept {result['kept']:.0%}  second takes: median "
        f"{result['median_gain']:+.1%}, mean {result['mean_gain']:+.1%}, worst "
        f"{result['worst']:+.1%}  later takes: median {result['median_gain_later']:+.1%}, mean "
        f"{result['mean_gain_later']:+.1%}, worst {result['worst_later']:+.1%}  fit "
        f"{result['median_seconds']:.2f} s",
        flush=True,
    )
    return result | {"people": people}


def _resting(mouth: float, brows: float) -> tuple[np.ndarray, np.ndarray]:
    """Maps for ``cv2.remap`` that move the corners of the mouth and the brows, in pixels."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32)
    moved = np.zeros_like(y)
    for at_x, at_y, amount in ((14, 37, mouth), (34, 37, mouth), (14, 14, brows), (34, 14, brows)):
        moved += amount * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * 5.0**2))
    return x, (y - moved).astype(np.float32)


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    return measure("personal", HELP, add_arguments, run, argv)


if __name__ == "__main__":
    sys.exit(main())
