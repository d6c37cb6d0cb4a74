"""Facial-expression classification: data, models, training, evaluation and live inference."""

import os

__version__ = "0.3.0"

# Libraries that report their use to their makers unless told otherwise before they are loaded.
# Every entry (page, command, job, test, library) imports this package first.
for _switch in ("ORT_DISABLE_TELEMETRY", "MLFLOW_DISABLE_TELEMETRY"):
    os.environ.setdefault(_switch, "1")
