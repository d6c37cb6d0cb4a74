"""The model card of a run: a ``README.md`` made from the run's own files, the same every time."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from emotion_core.errors import RunError
from emotion_core.files import write_bytes
from emotion_core.labels import EMOTIONS
from emotion_core.models.registry import model_summary
from emotion_core.recipes import TrainConfig, listed, recipe_config
from emotion_core.runs.catalog import known_as
from emotion_core.runs.report import Report, Scores
from emotion_core.runs.run import Run

_ROWS = {
    "private_test": "PrivateTest alone, as the papers report",
    "public_test": "PublicTest alone",
    "leak_free": "test without near duplicates of training images",
}


def write_card(run: Run) -> Path:
    """Write a run's model card into its folder.

    Args:
        run: A run with a report.

    Returns:
        Path of the ``README.md``.

    Raises:
        RunError: the run has no report, or its report is malformed.
    """
    report = run.report()
    if report is None:
        raise RunError(
            f"Run '{run.name}' has no report.json, so nothing to write a card from. "
            f"Run: python -m emotion_core evaluate {run.name}"
        )
    text = "\n".join(_card(run, run.config(), report)) + "\n"
    path = run.path / "README.md"
    write_bytes(path, text.encode())
    return path


def _card(run: Run, config: TrainConfig, report: Report) -> Iterator[str]:
    data, test, cost = report.data, report.test, report.cost
    synthetic = bool(data.synthetic)
    yield f"# Model card: {run.name}"
    yield ""
    yield (
        f"`{report.model}`: {report.summary or model_summary(report.model)} It assigns a 48 x 48 gray face to "
        f"one of seven expressions: {', '.join(EMOTIONS)}."
    )
    yield ""
    if synthetic:
        yield (
            "**Trained and measured on synthetic faces drawn by code. No figure here says "
            "anything about photographs.**"
        )
        yield ""
    if run.weights_path.exists():
        yield "```python"
        yield "from emotion_core.models.checkpoint import load_classifier"
        yield ""
        yield f'probs = load_classifier("{run.name}").probs(faces)  # uint8 (N, 48, 48) -> (N, 7)'
        yield "```"
    else:
        curves = "curves, " if run.metrics() else ""
        yield (
            f"Shipped without weights: its {curves}report and predictions are enough to compare it "
            "with other runs."
        )
    yield ""
    yield "## Results"
    yield ""
    scope = "synthetic " if synthetic else ""
    yield from _table(
        ("set", "faces", "accuracy (95 % interval)", "macro-F1", "weighted F1", "ECE", "NLL"),
        [
            _metrics_row(f"{scope}test", test),
            *(
                _metrics_row(title, scores)
                for name, title in _ROWS.items()
                if (scores := getattr(report.subsets, name))
            ),
            _metrics_row("test, mean with the mirrored face", report.flip_tta.test),
            _metrics_row(
                "validation (all choices were made on it)"
                + (", before it was learned too" if config.final else ""),
                report.val,
            ),
        ],
    )
    yield ""
    yield (
        f"Probabilities are calibrated with temperature {report.temperature:.3f} and smoothing "
        f"{report.smoothing:.2f}, fitted on validation; without them the ECE on test is "
        f"{report.test_uncalibrated.ece:.3f}."
    )
    abstain = report.abstain
    yield (
        f"Answering only at a confidence of {abstain.threshold:.2f} or more keeps "
        f"{abstain.val_coverage:.0%} of the validation faces, of which "
        f"{abstain.val_accuracy:.1%} are right."
    )
    yield ""
    yield "### By emotion, on test"
    yield ""
    yield from _table(
        ("emotion", "precision", "recall", "F1", "faces", "most often taken for"),
        [_emotion_row(index, test) for index in range(len(EMOTIONS))],
    )
    yield ""
    yield "## Training"
    yield ""
    yield from _training(run, config, report)
    yield ""
    yield "## Data"
    yield ""
    yield f"{data.name} (`{data.source}`), fingerprint `{data.fingerprint}`."
    yield ""
    yield from _table(
        ("split", *EMOTIONS, "all"),
        [
            (split, *(f"{counts.get(name, 0):,}" for name in EMOTIONS), f"{sum(counts.values()):,}")
            for split, counts in data.counts.items()
        ],
    )
    yield ""
    yield "## Cost"
    yield ""
    size = f"; weights of {cost.size_bytes / 1e6:.1f} MB" if run.weights_path.exists() else ""
    yield (
        f"{cost.parameters:,} parameters, {cost.macs / 1e6:.1f} million multiply-accumulates "
        f"a face{size}. One face takes {cost.latency_ms:.2f} ms on one CPU thread "
        f"(median; nine of ten under {cost.latency_p90_ms:.2f} ms; backend "
        f"{cost.latency_backend}; {report.environment.cpu or 'unknown CPU'})."
    )
    fp16 = report.fp16
    if fp16 and run.weights_path.exists():
        gain = round(-fp16.val_accuracy_loss, 4)
        yield (
            f"The weights are stored as fp16, which changes {fp16.val_changed:.2%} of the "
            f"validation predictions and {f'{gain:+.2%}' if gain else '0.00%'} of accuracy."
        )
    yield ""
    yield from _limits(data.name, synthetic)


def _training(run: Run, config: TrainConfig, report: Report) -> Iterator[str]:
    cost, machine = report.cost, report.environment
    if fitted := report.fitted:  # the classical baseline has no recipe
        yield fitted
    else:
        yield from _recipe(run, config, report)
    yield ""
    yield (
        f"{cost.train_seconds / 60:,.0f} minutes of training at {cost.images_per_second:,.0f}"
        f" images/s on {report.trainer.hardware}; evaluated on "
        f"{machine.hardware} with PyTorch {machine.torch or '?'} on {report.date[:10]}."
    )


def _recipe(run: Run, config: TrainConfig, report: Report) -> Iterator[str]:
    recipe = recipe_config(config.recipe, config.model).to_dict()
    given = {
        name: value
        for name, value in config.to_dict().items()
        if value != recipe[name] and name not in ("model", "recipe", "data", "name", "note")
    }
    best = f"best at epoch {report.best_epoch} by validation {config.monitor.replace('_', '-')}"
    if config.final:
        best = "until the epoch that was best on validation"
    yield (
        f"Recipe `{config.recipe}`, {report.epochs} epoch{'s' * (report.epochs != 1)}, {best}; "
        f"{config.optimizer}, learning rate {config.lr:g}, batch {config.batch_size}, seed "
        f"{config.seed}. All settings are in `config.json`, the curves in `metrics.jsonl`."
    )
    if config.final:
        yield ""
        yield (
            f"A final training of `{known_as(config.chosen_by, run.path.parent)}`: the same "
            "settings until the same epoch, on training and validation faces together. Validation "
            "figures and calibration are those of that run, which never learned these faces."
        )
    if taken := listed(run.status().averaged_with):
        names = ", ".join(known_as(other, run.path.parent) for other in taken)
        yield ""
        yield (
            "After that epoch its weights were averaged with those of earlier runs (Wortsman et al. "
            f"2022), {'as that run was' if config.final else 'each taken in since validation gained by it'}: "
            f"{names}."
        )
    if given:
        yield ""
        shown = ", ".join(f"`{name}={value}`" for name, value in sorted(given.items()))
        yield f"Changed from the recipe: {shown}."


def _limits(data: str, synthetic: bool) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield ("- It guesses the expression that a face shows to an onlooker, not what a person feels.")
    if data == "FER-2013":
        yield (
            "- FER-2013's labels are noisy: people agree with them on about 65 % of the faces "
            "(Goodfellow et al. 2013), so a part of the errors are errors of the labels."
        )
        yield (
            "- FER-2013 was gathered by web image search: staged and exaggerated expressions are "
            "over-represented, disgust is rare, and age, skin tone and gender are not balanced. "
            "Expect lower accuracy on everyday video and on people who are seldom in the data."
        )
    yield (
        "- Inferring emotions of people at work or in education is prohibited in the EU outside "
        "medical and safety uses (AI Act, Article 5(1)(f)); elsewhere people must be told that "
        "they are exposed to it (Article 50(3)). Not for decisions about people."
    )
    yield ""
    yield "## Licence"
    yield ""
    if synthetic:
        yield "MIT, like the code."
    else:
        yield (
            f"MIT for the weights and figures, like the code. The photographs of {data} are not "
            "included; their rights stay with their owners."
        )


def _metrics_row(title: str, scores: Scores) -> tuple[str, ...]:
    low, high = scores.accuracy_ci95
    return (
        title,
        f"{scores.n:,}",
        f"{scores.accuracy:.2%} ({low:.2%} to {high:.2%})",
        *(
            f"{value:.3f}"
            for value in (scores.macro_f1, scores.weighted_f1, scores.ece, scores.nll)
        ),
    )


def _emotion_row(index: int, test: Scores) -> tuple[str, ...]:
    emotion = EMOTIONS[index]
    scores, row = test.per_emotion[emotion], list(test.confusion[index])
    support, row[index] = sum(row), 0
    wrong = max(range(len(row)), key=row.__getitem__)
    taken = f"{EMOTIONS[wrong]} ({row[wrong] / support:.0%})" if row[wrong] else "none"
    return (
        emotion,
        *(f"{value:.3f}" for value in (scores.precision, scores.recall, scores.f1)),
        f"{scores.support:,}",
        taken,
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
