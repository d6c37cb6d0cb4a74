"""What several kinds of tests need: an unlearned network, a report, a video of a face."""

import contextlib
import io
from typing import Any

import av
import cv2
import numpy as np
import skimage.data
import torch

from emotion_core.errors import RunError
from emotion_core.evaluation.scores import classification_metrics
from emotion_core.evaluation.transfer import NAMES, Transfer
from emotion_core.files import read_json, write_json
from emotion_core.models.checkpoint import save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.runs.report import (
    Abstain,
    Cost,
    DataFacts,
    Environment,
    FlipTta,
    Report,
    Subsets,
    Uncalibrated,
)
from emotion_core.runs.run import Run

# What Markdown would obey instead of showing it.
HOSTILE = [
    "![i](http://host.example/x.png)",
    "[click](http://host.example)",
    "<img src=http://host.example/x.png>",
    "<http://host.example>",
    "# heading",
    "- item",
    "+ item",
    "12. item",
    "1) item",
    "**bold** _soft_ *soft* `code` ~~gone~~",
    "$x^2$",
    "&lt;b&gt;",
    "a | b",
    "> quoted",
    "back\\slash \\*",
    "---",
    "[^1] [a]: http://host.example",
    "see http://host.example/a?b=c or www.host.example",
    "by someone@host.example",
    ":material/delete: :smile: :+1: :red[x] :red-background[x] :streamlit:",
]


def write_untrained(run: Run, seed: int) -> None:
    """Give a run the fresh weights of a small network."""
    torch.manual_seed(seed)
    model, options = create_model("sequential", width=8), {"width": 8}
    save_checkpoint(run, model, architecture="sequential", options=options, preprocess=Preprocess())


def write_report(run: Run, parts: dict[str, Any]) -> Report | None:
    """Give a run a complete report of seven faces, each classified as what it is.

    Args:
        run: The run.
        parts: What differs, as for ``change_report``.

    Returns:
        What the run reads; None where a part is wrong on purpose.
    """
    config, scores = run.config(), classification_metrics(np.arange(7), np.eye(7), resamples=2)
    report = Report(
        run=run.name,
        model=config.model,
        options=config.options,
        recipe=config.recipe,
        epochs=config.epochs,
        data=DataFacts(
            name=config.data,
            source=config.data,
            fingerprint="own",
            test_fingerprint="own",
            synthetic=False,
            counts={name: {"happy": 7} for name in ("train", "val", "test")},
        ),
        val=scores,
        test=scores,
        subsets=Subsets(),
        flip_tta=FlipTta(test=scores),
        temperature=1.0,
        test_uncalibrated=Uncalibrated(ece=0.1, nll=0.1, brier=0.1),
        abstain=Abstain(threshold=0.5, val_coverage=1.0, val_accuracy=1.0),
        cost=Cost(
            parameters=7,
            macs=7,
            size_bytes=28,
            latency_ms=1.0,
            latency_p90_ms=1.5,
            latency_backend="none",
            train_seconds=60.0,
            images_per_second=10.0,
        ),
        environment=Environment(cpu="some CPU", cores=2),
    )
    write_json(run.path / "report.json", report.to_json())
    change_report(run, parts)
    with contextlib.suppress(RunError):
        return run.report()
    return None


def write_transfer(run: Run, scores: list[float], **other: Any) -> Transfer:
    """Give a run a transfer measure: of each face the share, the same in all five parts."""
    mean = float(np.mean(scores))
    report = run.report()
    found = Transfer(
        run=run.id,
        fingerprint=report.data.fingerprint if report else "own",
        images=len(scores),
        clean=min(1.0, mean + 0.1),
        transfer=mean,
        transfer_ci95=(max(0.0, mean - 0.05), min(1.0, mean + 0.05)),
        parts=dict.fromkeys(NAMES, mean),
        views={},
        scores=tuple(scores),
        **other,
    )
    write_json(run.path / "transfer.json", found.to_json())
    return found


def change_report(run: Run, parts: dict[str, Any]) -> None:
    """Write other values into ``report.json``, whether they are valid or not.

    Args:
        run: A run with a report.
        parts: Values by dotted path such as ``data.synthetic``; ``...`` takes the key away.
    """
    report = read_json(run.path / "report.json")
    for path, value in parts.items():
        *place, name = path.split(".")
        target = report
        for key in place:
            target = target.setdefault(key, {})
        if value is ...:
            del target[name]
        else:
            target[name] = value
    write_json(run.path / "report.json", report)


def write_catalog(*runs: Run) -> None:
    """Make runs of one folder the shipped ones."""
    names = ", ".join(f'"{run.id}"' for run in runs)
    (runs[0].path.parent / "catalog.toml").write_text(f"[groups]\nShipped = [{names}]\n")


def face_clip(rate: int, count: int) -> bytes:
    """An MP4 of ``count`` equal frames of one face."""
    out = io.BytesIO()
    face = cv2.resize(skimage.data.astronaut(), (256, 256))
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, width=256, height=256)
        stream.pix_fmt = "yuv420p"
        for _ in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(face, format="rgb24")))
        container.mux(stream.encode(None))
    return out.getvalue()
