"""How long one face takes on one CPU core."""

import copy
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion_core.access import Action, require
from emotion_core.models.backends import create_backend
from emotion_core.models.checkpoint import Classifier, load_classifier
from emotion_core.runs.run import Run


@dataclass(frozen=True)
class Latency:
    """Milliseconds per face on one CPU thread, from gray pixels to logits.

    Attributes:
        median_ms: Half of the calls took less.
        p90_ms: Nine of ten calls took less.
        backend: Which backend ran, ``onnx`` or ``torch``.
        threads: CPU threads it had.
    """

    median_ms: float
    p90_ms: float
    backend: str
    threads: int


def measure_latency(
    source: Run | Path | Classifier, *, batch: int = 1, repeats: int = 50, backend: str = "auto"
) -> Latency:
    """Time a run's fastest backend on one CPU thread, after a warm-up.

    The thread's own CPU time is taken, which on an idle core equals the time that passes: a
    trainer or a browser beside it would else make the figure useless.

    Args:
        source: A run, its folder, or a loaded classifier.
        batch: Faces a call; times are divided by it.
        repeats: Timed calls.
        backend: As for ``create_backend``.
    """
    require(Action.MEASURE)
    classifier = source if isinstance(source, Classifier) else load_classifier(source)
    model = classifier.model
    if any(item.is_cuda for item in model.parameters()):
        model = copy.deepcopy(model).cpu()
    forward = create_backend(backend, model, classifier.preprocess, threads=1)
    faces = np.random.default_rng(0).integers(0, 256, (batch, 48, 48), dtype=np.uint8)
    for _ in range(max(2, repeats // 10)):
        forward(faces)
    milliseconds = []
    for _ in range(repeats):
        start = time.thread_time()
        forward(faces)
        milliseconds.append((time.thread_time() - start) * 1000 / batch)
    median, p90 = np.percentile(milliseconds, [50, 90])
    return Latency(float(median), float(p90), forward.kind, forward.threads)
