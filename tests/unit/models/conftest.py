"""A run with weights whose logits vary, made once; caches stay out of the user's home."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from emotion_core.models.checkpoint import save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.recipes import TrainConfig
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def faces() -> np.ndarray:
    """Eight gray pictures, uint8 (8, 48, 48), coarse enough to differ from each other."""
    coarse = np.random.default_rng(1).integers(0, 256, (8, 6, 6), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def _settle(model: nn.Module, faces: np.ndarray) -> nn.Module:
    """Give fresh batch norms the statistics of some faces, so that logits are not all near zero."""
    norms = [item for item in model.modules() if isinstance(item, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # plain average instead of a moving one
    with torch.no_grad():
        model.train()(Preprocess().apply(torch.from_numpy(faces)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return model.eval()


@pytest.fixture(scope="session")
def settle() -> Callable[[nn.Module, np.ndarray], nn.Module]:
    """``settle(model, faces)``: see ``_settle``."""
    return _settle


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, faces: np.ndarray) -> Run:
    """A small ``sequential`` with settled weights, temperature 1.5, smoothing 0.1."""
    options = {"width": 8}
    config = TrainConfig(model="sequential", options=options, data="synthetic")
    made = create_run(config, tmp_path_factory.mktemp("checkpoints"))
    torch.manual_seed(0)
    model = _settle(create_model("sequential", **options), faces)
    save_checkpoint(
        made,
        model,
        architecture="sequential",
        options=options,
        preprocess=Preprocess(),
        temperature=1.5,
        smoothing=0.1,
    )
    return made


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for runs of one test."""
    monkeypatch.setenv("EMOTION_CHECKPOINTS", str(tmp_path))
    return tmp_path
