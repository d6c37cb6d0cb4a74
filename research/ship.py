"""Make a finished run ready to be committed: fp16 weights, checked, with a model card.

``python -m research.ship RUN``; then add it to ``checkpoints/catalog.toml``.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emotion_core.errors import EmotionError, RunError
from emotion_core.evaluation.metrics import confusion_matrix
from emotion_core.files import write_json
from emotion_core.models.checkpoint import load_classifier, save_checkpoint
from emotion_core.reporting.card import write_card
from emotion_core.runs.catalog import load_run
from emotion_core.runs.report import Fp16
from emotion_core.runs.run import Run
from emotion_core.tasks import running_tasks

# fp16 rounds weights by at most 0.05 %; more loss of accuracy than this means an overflow.
_LARGEST_LOSS = 0.002
_MADE_AGAIN = (
    *("resume.pt", "progress.jsonl", "features.npz", "tsne.npz"),
    *("*.log", "*.lock", "*-progress.json", ".*.tmp"),
)


def main(words: Sequence[str] | None = None) -> int:
    """Ship one run."""
    parser = argparse.ArgumentParser(prog="python -m research.ship", description=__doc__)
    parser.add_argument("name", metavar="RUN", help="run folder, name or a part of it")
    parser.add_argument(
        "--no-weights", action="store_true", help="keep curves, report and predictions alone"
    )
    args = parser.parse_args(words)
    run = load_run(args.name)
    changed = ship_run(run, weights=not args.no_weights)
    size = sum(path.stat().st_size for path in run.path.iterdir() if path.is_file())
    kept = f"fp16 changed {changed:.2%} of the validation predictions"
    print(
        f"{run.name} is ready, {size / 1e6:.1f} MB; "
        f"{'it has no weights' if args.no_weights else kept}. Rename its folder {run.id} to "
        f"{run.name}, list it in checkpoints/catalog.toml, and commit both."
    )
    return 0


def ship_run(run: Run, *, weights: bool = True) -> float:
    """Shrink a finished run to what is committed.

    The weights become fp16 and must classify the validation faces as before; what can be made
    again (resume state, log, feature maps) is removed, and the weights if they are not wanted.

    Args:
        run: A finished run.
        weights: Whether to keep the weights; without them its curves, report and predictions
            still compare.

    Returns:
        Share of validation faces whose prediction changed through fp16.

    Raises:
        RunError: the run is not finished, is at work, lacks a report, or fp16 costs accuracy.
    """
    with run.locked("shipped"):
        status = run.status()
        if status.state != "finished":
            raise RunError(
                f"Run '{run.name}' is {status.state}; only a finished run can be shipped."
            )
        if working := running_tasks(run):
            raise RunError(f"Run '{run.name}' is at work: {', '.join(working)}. Wait for its end.")
        run.require_report()  # before anything goes
        changed = _halve(run) if weights else 0.0
        if not weights:
            run.weights_path.unlink(missing_ok=True)
            run.model_path.unlink(missing_ok=True)
        write_card(run)
    for pattern in _MADE_AGAIN:
        for path in run.path.glob(pattern):
            path.unlink()
    return changed


def _halve(run: Run) -> float:
    report = run.report()
    if report and report.fp16:  # they are in fp16 since it was shipped first
        return report.fp16.val_changed
    from emotion_core.data.sources import load_data
    from emotion_core.data.splits import split_indices

    config = run.config()
    data = load_data(config.data)
    split = split_indices(data, val_fraction=config.val_fraction)
    faces, labels = np.array(data.images[split.val]), data.labels[split.val]
    full = load_classifier(run, backend="torch")
    before = full.logits(faces).argmax(1)
    original = run.weights_path.read_bytes()
    save_checkpoint(
        run,
        full.model,
        architecture=full.architecture,
        options=full.options,
        preprocess=full.preprocess,
        temperature=full.temperature,
        smoothing=full.smoothing,
        half=True,
    )
    after = load_classifier(run, backend="torch").logits(faces).argmax(1)
    loss = _accuracy(labels, before) - _accuracy(labels, after)
    if loss > _LARGEST_LOSS:
        run.weights_path.write_bytes(original)
        raise RunError(
            f"Run '{run.name}' loses {loss:.2%} of validation accuracy in fp16; its fp32 weights "
            "were put back. Ship it with --no-weights or retrain it."
        )
    changed = float((before != after).mean())
    if report is not None:
        halved = replace(
            report,
            cost=replace(report.cost, size_bytes=run.weights_path.stat().st_size),
            fp16=Fp16(val_accuracy_loss=loss, val_changed=changed),
        )
        write_json(run.path / "report.json", halved.to_json())
    return changed


def _accuracy(labels: np.ndarray, predicted: np.ndarray) -> float:
    confusion = confusion_matrix(labels, predicted)
    return float(confusion.trace() / confusion.sum())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EmotionError as error:
        sys.exit(f"error: {error}")
