"""``python -m emotion_core export``."""

import pytest
import torch

from emotion_core.cli import main
from emotion_core.models.checkpoint import save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    torch.manual_seed(0)
    options = {"width": 4}
    made = create_run(TrainConfig(options=options), tmp_path_factory.mktemp("checkpoints"))
    save_checkpoint(
        made,
        create_model("sequential", **options),
        architecture="sequential",
        options=options,
        preprocess=Preprocess(),
    )
    return made


@pytest.mark.parametrize("format", ["onnx", "h5", "safetensors"])
def test_export_writes_into_the_current_folder_and_says_so(
    run, format, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(run.path.parent))
    assert main(["export", "sequential", "--format", format]) == 0
    (written,) = tmp_path.iterdir()
    assert written.name == f"{run.name}.{format}"
    assert capsys.readouterr().out.startswith(written.name)


def test_missing_run_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    assert main(["export", "nothing", "--format", "h5"]) == 2
    assert capsys.readouterr().err.startswith("error: No run 'nothing'")
