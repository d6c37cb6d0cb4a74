"""The published study's figures: a baseline to compare with, never measured here.

Rows read from the printed report, so a last digit can be off; ``study.json`` names the source.
"""

import functools
from pathlib import Path
from typing import Any

from emotion_core.files import read_json
from emotion_core.labels import EMOTIONS

MARK = "published, not measured"


@functools.cache
def load_study() -> dict[str, Any]:
    """All of ``study.json``: ``source``, ``note``, ``runs``, ``test``, ``parameters``,
    ``best_val_accuracy_percent`` and the data's ``counts``."""
    study: dict[str, Any] = read_json(Path(__file__).with_name("study.json"))
    return study


def study_models() -> list[str]:
    """The five architectures of the study."""
    return sorted(load_study()["runs"])


def study_rows(model: str) -> list[dict[str, float]]:
    """One architecture's published curve, with the keys of ``metrics.jsonl`` that it has:
    epoch, train_loss, train_accuracy and val_accuracy (0..1)."""
    return [
        {
            "epoch": int(epoch),
            "train_loss": loss,
            "train_accuracy": train / 100,
            "val_accuracy": val / 100,
        }
        for epoch, loss, train, val in load_study()["runs"].get(model, [])
    ]


def study_test() -> dict[str, Any]:
    """The one published test result, in the form of a report's metrics as far as it is known:
    model, n, accuracy, macro_f1 and per_emotion."""
    test = load_study()["test"]
    return {
        "model": test["model"],
        "n": test["images"],
        "accuracy": test["accuracy"],
        "macro_f1": test["macro_f1"],
        "per_emotion": {
            emotion: {name: test[name][index] for name in ("precision", "recall", "f1", "support")}
            for index, emotion in enumerate(EMOTIONS)
        },
    }
