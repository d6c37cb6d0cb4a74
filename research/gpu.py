"""What a GPU makes possible: the study's five trained long, and the best network on larger faces.

``python -m research.reproduce --gpu`` trains these plans. No figure is known for them: the recipe is
near to block_cnn's best one (AdamW, averaged weights, the same augmentation), with teachers, mixup, larger
batches and 120 epochs. The residual and dense networks keep more of the 48 pixels than in the study, which
costs thirteen times the work.
"""

from research.experiments import Line

STUDY_AIM, BEST_AIM = 0.68, 0.72  # accuracy on FER-2013's test faces

_TEACHERS = ["mobilenet_v1", "efficientnet_lite0", "sequential"]  # none has learned validation
_LONG: Line = {
    "epochs": 120,
    "batch_size": 256,
    "optimizer": "adamw",
    "lr": 0.002,
    "weight_decay": 0.05,
    "warmup_epochs": 3.0,
    "clip_norm": 5.0,
    "ema": 0.9995,
    "monitor": "loss",
    "mixup": 0.2,
    "erasing": 0.2,
    "scale": 0.2,
    "blur": 0.15,
    "noise": 0.03,
    "jpeg": 0.15,
    "class_weights": "sqrt",
    "teacher_share": 0.7,
    "label_smoothing": 0.0,  # teachers and mixup soften the labels already
}
_STEMS = {"resnet18": "small", "resnet50": "small", "densenet121": "small"}


def plans() -> dict[str, Line]:
    """Lines as those of ``runs.jsonl``, by name, with the ``aim`` in place of a measured accuracy."""
    found = {}
    for model in ("block_cnn", "plain_cnn", "resnet18", "resnet50", "densenet121"):
        options = {"options": {"stem": _STEMS[model]}} if model in _STEMS else {}
        found[f"{model}-gpu"] = _plan(model, options, {"teacher": _TEACHERS}, STUDY_AIM)
    larger = {"options": {"side": 160}, "epochs": 30, "lr": 0.0005, "mixup": 0.1}
    parents = {"start_from": ["mobilenet_v1"], "teacher": _TEACHERS}
    found["mobilenet_v1-gpu"] = _plan("mobilenet_v1", larger, parents, BEST_AIM)
    return found


def _plan(model: str, differs: Line, parents: dict[str, list[str]], aim: float) -> Line:
    settings = _LONG | differs | {"name": f"{model}-gpu"}
    return {"model": model, "recipe": "ours", "differs": settings, "parents": parents, "aim": aim}
