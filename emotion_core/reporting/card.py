"""The model card of a run: a ``README.md`` made from the run's own files, the same every time."""

from collections.abc import Iterator
from pathlib import Path

from emotion_core import units
from emotion_core.files import write_bytes
from emotion_core.labels import EMOTIONS
from emotion_core.models.registry import model_summary
from emotion_core.models.titles import model_title
from emotion_core.recipes import TrainConfig, listed, recipe_config
from emotion_core.reporting.columns import EMOTION, SCORES
from emotion_core.reporting.markdown import lines, table_lines, transfer_section
from emotion_core.reporting.rows import emotion_rows, scores_row
from emotion_core.reporting.words import SYNTHETIC, generated_words
from emotion_core.runs.catalog import known_as
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run

_SETS = {
    "private_test": "PrivateTest alone, as the papers report",
    "public_test": "PublicTest alone",
    "leak_free": "test without near duplicates of training images",
}


def card_text(run: Run) -> str:
    """A run's model card as Markdown.

    Args:
        run: A run with a report.

    Raises:
        RunError: the run has no report, or its report is malformed.
    """
    return "\n".join(_card(run, run.config(), run.require_report())) + "\n"


def write_card(run: Run) -> Path:
    """Write a run's model card into its folder.

    Args:
        run: A run with a report.

    Returns:
        Path of the ``README.md``.

    Raises:
        RunError: the run has no report, or its report is malformed.
    """
    write_bytes(path := run.path / "README.md", card_text(run).encode())
    return path


def _card(run: Run, config: TrainConfig, report: Report) -> Iterator[str]:
    data = report.data
    yield f"# Model card: {run.name}"
    yield ""
    yield (
        f"{model_title(report.model)} (`{report.model}`): "
        f"{report.summary or model_summary(report.model)} It assigns a 48 x 48 gray face to one of "
        f"seven expressions: {', '.join(EMOTIONS)}."
    )
    yield ""
    if data.synthetic:
        yield f"**Trained on synthetic faces. {SYNTHETIC}**"
        yield ""
    yield from _use(run)
    yield ""
    yield "## Results"
    yield ""
    yield from _results(config, report)
    yield from transfer_section(run)
    yield ""
    yield "## Training"
    yield ""
    yield from _training(run, config, report)
    yield ""
    yield "## Data"
    yield ""
    yield f"{data.name} (`{data.source}`), fingerprint `{data.fingerprint}`."
    if told := generated_words(report):
        yield ""
        yield (f"**{told}** A network made them; validation and test hold photographs alone.")
    yield ""
    yield from lines(
        ("split", *EMOTIONS, "all"),
        [
            (split, *(f"{counts.get(name, 0):,}" for name in EMOTIONS), f"{sum(counts.values()):,}")
            for split, counts in data.counts.items()
        ],
    )
    yield ""
    yield "## Cost"
    yield ""
    yield from _cost(report, weights=run.weights_path.exists())
    yield ""
    yield from _limits(data.name, data.synthetic)


def _use(run: Run) -> Iterator[str]:
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


def _results(config: TrainConfig, report: Report) -> Iterator[str]:
    test, abstain = report.test, report.abstain
    sets = {"synthetic test" if report.data.synthetic else "test": test}
    sets |= {title: getattr(report.subsets, name) for name, title in _SETS.items()}
    sets["test, mean with the mirrored face"] = report.flip_tta.test
    learned = ", before it was learned too" if config.final else ""
    sets[f"validation (all choices were made on it{learned})"] = report.val
    rows = [{"set": title, **scores_row(scores)} for title, scores in sets.items() if scores]
    yield from table_lines(SCORES, rows)
    yield ""
    yield (
        f"Probabilities are calibrated with temperature {report.temperature:.3f} and smoothing "
        f"{report.smoothing:.2f}, fitted on validation; without them the ECE on test is "
        f"{units.score(report.test_uncalibrated.ece)}."
    )
    yield (
        f"Answering only at a confidence of {abstain.threshold:.2f} or more keeps "
        f"{units.percent(abstain.val_coverage, 0)} of the validation faces, of which "
        f"{units.percent(abstain.val_accuracy)} are correct."
    )
    yield ""
    yield "### By emotion, on test"
    yield ""
    yield from table_lines(EMOTION, emotion_rows(test))


def _cost(report: Report, *, weights: bool) -> Iterator[str]:
    cost, fp16 = report.cost, report.fp16
    size = f"; weights of {units.megabytes(cost.size_bytes)}" if weights else ""
    yield (
        f"{cost.parameters:,} parameters, {units.number(cost.macs / 1e6, 1)} million "
        f"multiply-accumulates per face{size}. One face takes "
        f"{units.milliseconds(cost.latency_ms)} on one CPU thread (median; nine of ten under "
        f"{units.milliseconds(cost.latency_p90_ms)}; backend {cost.latency_backend}; "
        f"{report.environment.cpu or 'unknown CPU'})."
    )
    if fp16 and weights:
        gain = round(-fp16.val_accuracy_loss, 4)
        yield (
            f"The weights are stored as fp16, which changes {units.percent(fp16.val_changed, 2)} of "
            f"the validation predictions and the accuracy by "
            f"{units.number(100 * gain, 2, 'points', sign=gain != 0)}."
        )


def _training(run: Run, config: TrainConfig, report: Report) -> Iterator[str]:
    cost, machine, chain = report.cost, report.environment, ""
    if cost.chain_seconds > 1.01 * cost.train_seconds:
        chain = f" ({units.minutes(cost.chain_seconds)} with the runs it started from)"
    if fitted := report.fitted:  # the classical baseline has no recipe
        yield fitted
    else:
        yield from _recipe(run, config, report)
    yield ""
    yield (
        f"{units.minutes(cost.train_seconds)} of training{chain} at {cost.images_per_second:,.0f} faces/s on "
        f"{report.trainer.hardware}; evaluated on "
        f"{machine.hardware} with PyTorch {machine.torch or '?'} on {report.date[:10]}."
    )


def _recipe(run: Run, config: TrainConfig, report: Report) -> Iterator[str]:
    recipe = recipe_config(config.recipe, config.model).to_dict()
    given = {
        name: value
        for name, value in config.to_dict().items()
        if value != recipe[name] and name not in ("model", "recipe", "data", "name", "note", "tag")
    }
    best = f"best at epoch {report.best_epoch} by validation {config.monitor.replace('_', '-')}"
    if config.final:
        best = "until the epoch that was best on validation"
    yield (
        f"Recipe `{config.recipe}`, {units.several(report.epochs, 'epoch')}, {best}; "
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
    if config.votes:
        yield ""
        yield (
            "Trained with FER+ votes: a second head learned the shares of ten people's votes on each "
            "face over eight classes (Barsoum et al. 2016) beside the labels, with weight "
            f"{config.votes:g} in the loss. It was dropped; the votes are not part of the run."
        )
    if given:
        yield ""
        shown = ", ".join(f"`{name}={value}`" for name, value in sorted(given.items()))
        yield f"Changed from the recipe: {shown}."


def _limits(data: str, synthetic: bool) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield (
        "- It estimates the expression that a face shows to an onlooker, not what a person feels."
    )
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
    yield "## License"
    yield ""
    if synthetic:
        yield "MIT, like the code."
    else:
        yield (
            f"MIT for the weights and figures, like the code. The photographs of {data} are not "
            "included; their rights stay with their owners."
        )
