"""A run in the form of other tools: TensorBoard events and an MLflow run."""

import datetime
import importlib
import math
from pathlib import Path
from typing import Any

from emotion_core.errors import ModelError, RunError
from emotion_core.labels import EMOTIONS
from emotion_core.runs.run import Row, Run

# Keys of metrics.jsonl that count or name something else than a result.
_NOT_METRICS = ("epoch", "step")


def write_tensorboard(run: Run, out: Path) -> Path:
    """Write a run as TensorBoard events: curves by epoch, test results, settings.

    Args:
        run: A run with at least one epoch.
        out: Log folder; the run gets a folder of its own in it.

    Returns:
        The run's folder, to open with ``tensorboard --logdir``.

    Raises:
        ModelError: ``tensorboardX`` is not installed.
        RunError: the run has no epoch, or the folder holds events already.
    """
    tensorboard = _import("tensorboardX", "tensorboardX")
    rows = _rows(run)
    folder = out / run.name
    if folder.exists() and any(folder.glob("events.out.tfevents.*")):
        raise RunError(f"{folder} holds events already. Remove it or choose another folder.")
    end = _end_time(run)
    seconds = sum(float(row.get("seconds", 0.0)) for row in rows)
    with tensorboard.SummaryWriter(str(folder)) as writer:
        clock = end - seconds
        for row in rows:
            clock += float(row.get("seconds", 0.0))
            for key, value in _metrics(row).items():
                writer.add_scalar(key, value, int(row["epoch"]), walltime=clock)
        for key, result in _results(run).items():
            writer.add_scalar(key, result, int(rows[-1]["epoch"]), walltime=end)
        settings = "\n".join(f"| {key} | {value} |" for key, value in _settings(run).items())
        writer.add_text("config", f"| setting | value |\n| --- | --- |\n{settings}", walltime=end)
    return folder


def write_mlflow(run: Run, uri: str, *, experiment: str = "emotion_core") -> str:
    """Write a run into an MLflow store: parameters, curves by epoch, test results, files.

    Args:
        run: A run with at least one epoch.
        uri: Tracking store, such as ``sqlite:///mlflow.db`` or a server's address.
        experiment: MLflow experiment; made if it is new.

    Returns:
        The MLflow run's id.

    Raises:
        ModelError: ``mlflow`` is not installed.
        RunError: the run has no epoch.
    """
    mlflow = _import("mlflow", "mlflow-skinny sqlalchemy alembic")
    rows = _rows(run)
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    experiment_id = found.experiment_id if found else client.create_experiment(experiment)
    end = _end_time(run)
    clock = end - sum(float(row.get("seconds", 0.0)) for row in rows)
    made = client.create_run(experiment_id, start_time=round(1000 * clock), run_name=run.name)
    identity: str = made.info.run_id
    for key, text in _settings(run).items():
        client.log_param(identity, key, text)
    for row in rows:
        clock += float(row.get("seconds", 0.0))
        for key, value in _metrics(row).items():
            client.log_metric(
                identity, key, value, timestamp=round(1000 * clock), step=int(row["epoch"])
            )
    for key, value in _results(run).items():
        client.log_metric(
            identity, key, value, timestamp=round(1000 * end), step=int(rows[-1]["epoch"])
        )
    for name in ("config.json", "report.json", "metrics.jsonl", "model.safetensors", "model.json"):
        if (run.path / name).exists():
            client.log_artifact(identity, str(run.path / name))
    client.set_terminated(identity, end_time=round(1000 * end))
    return identity


def _rows(run: Run) -> list[Row]:
    rows = run.metrics()
    if not rows:
        raise RunError(f"Run '{run.name}' has no finished epoch to write.")
    return rows


def _metrics(row: Row) -> dict[str, float]:
    return {
        key: float(value)
        for key, value in row.items()
        if key not in _NOT_METRICS and isinstance(value, int | float) and math.isfinite(value)
    }


def _results(run: Run) -> dict[str, float]:
    """Test figures under names that group well in either tool."""
    report = run.report()
    if report is None:
        return {}
    test = report.test
    names = ("accuracy", "macro_f1", "weighted_f1", "ece", "nll", "brier")
    found = {f"test/{name}": float(getattr(test, name)) for name in names}
    for emotion in EMOTIONS:
        found[f"test_f1/{emotion}"] = float(test.per_emotion[emotion].f1)
    for key, value in report.cost.to_json().items():
        if isinstance(value, int | float):
            found[f"cost/{key}"] = float(value)
    return found


def _settings(run: Run) -> dict[str, str]:
    settings = {key: str(value) for key, value in run.config().to_dict().items()}
    report = run.report()
    if report:
        settings["data_fingerprint"] = str(report.data.fingerprint)
        settings["test_fingerprint"] = str(report.data.test_fingerprint)
    return settings


def _end_time(run: Run) -> float:
    status = run.status()
    stamp = status.finished or status.started or status.created
    return datetime.datetime.fromisoformat(stamp).timestamp() if stamp else 0.0


def _import(name: str, packages: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelError(
            f"Writing for {name} needs a package that is not installed: pip install {packages}"
        ) from error
