"""The generator's training: what its networks give, and that it stops and goes on exactly."""

import threading
import time

import cv2
import numpy as np
import pytest
import torch

from emotion_core.cli import main
from emotion_core.data.generated import GENERATED
from emotion_core.data.sources import load_data
from emotion_core.data.splits import split_indices
from emotion_core.errors import ConfigError, RunError
from emotion_core.generate import jobs
from emotion_core.generate.differentiable import augment
from emotion_core.generate.draws import Faces, learned_faces
from emotion_core.generate.folder import (
    create_generator_run,
    delete_generator,
    list_generators,
    load_generator_run,
)
from emotion_core.generate.loop import train_generator
from emotion_core.generate.networks import create_discriminator, create_generator
from emotion_core.generate.sample import draw_faces, load_generator
from emotion_core.generate.state import SUMS
from emotion_core.labels import NUM_CLASSES
from emotion_core.training.failures import Stopped
from tests.unit.generate.conftest import TINY


def test_networks_map_latents_to_faces_and_faces_to_scores():
    torch.manual_seed(0)
    labels = torch.arange(NUM_CLASSES)
    faces = create_generator(TINY)(torch.randn(NUM_CLASSES, TINY.latent), labels)
    assert faces.shape == (NUM_CLASSES, 1, 48, 48)
    assert faces.abs().max() <= 1
    one = torch.randn(1, TINY.latent).expand(NUM_CLASSES, -1)
    of_each = create_generator(TINY).eval()(one, labels)  # one latent, seven classes
    assert len(np.unique(of_each.detach().numpy(), axis=0)) == NUM_CLASSES
    discriminator = create_discriminator(TINY)
    scores = discriminator(faces, labels)
    assert scores.shape == (NUM_CLASSES,)
    # The class enters the score: the same faces with other classes score otherwise.
    assert not torch.allclose(scores, discriminator(faces, labels.flip(0)))


def test_the_discriminators_layers_have_spectral_norm_one():
    torch.manual_seed(0)
    discriminator = create_discriminator(TINY)
    for _ in range(30):  # one power iteration per pass
        discriminator(torch.zeros(1, 1, 48, 48), torch.zeros(1, dtype=torch.long))
    for down in discriminator.downs:
        norm = torch.linalg.matrix_norm(down.weight.detach().flatten(1), 2)
        assert float(norm) == pytest.approx(1, abs=0.05)


def test_augmentation_is_the_same_for_the_same_draws_and_passes_gradients():
    faces = torch.rand(6, 1, 48, 48, requires_grad=True)
    first = augment(faces, torch.Generator().manual_seed(1))
    again = augment(faces, torch.Generator().manual_seed(1))
    other = augment(faces, torch.Generator().manual_seed(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    first.sum().backward()
    assert (faces.grad != 0).any()
    # A square of a quarter of the side is cut out of every face, at a corner a quarter of that.
    assert ((first == 0).flatten(1).sum(1) >= 6 * 6).all()


def test_augmentation_keeps_light_and_contrast_within_bounds():
    faces = torch.rand(200, 1, 48, 48) - 0.5
    left = [face[face != 0] for face in augment(faces, torch.Generator().manual_seed(1))]
    contrast = [float(kept.std() / face.std()) for kept, face in zip(left, faces, strict=True)]
    light = [float(kept.mean() - face.mean()) for kept, face in zip(left, faces, strict=True)]
    assert 0.75 < min(contrast) < 0.85 and 1.75 < max(contrast) < 1.85
    assert -0.25 < min(light) < -0.15 and 0.15 < max(light) < 0.25


def test_classes_are_drawn_by_the_square_root_of_their_frequency():
    labels = np.repeat([0, 1], [900, 100])
    faces = Faces(np.zeros((1000, 48, 48), np.uint8), labels, TINY, torch.device("cpu"))
    draws = torch.Generator().manual_seed(0)
    drawn = torch.cat([faces.real(draws)[1] for _ in range(300)])
    assert float((drawn == 1).double().mean()) == pytest.approx(10 / 40, abs=0.02)
    assert set(drawn.tolist()) == {0, 1}


def test_only_training_faces_are_learned_and_none_that_a_generator_made():
    data = load_data("synthetic:140")
    usage = np.array(["", *[""] * (len(data) - 1)], dtype="U16")
    train = split_indices(data).train
    usage[train[:5]] = GENERATED
    marked = type(data)(**{**vars(data), "usage": usage})
    learned = learned_faces(marked)
    assert set(learned) == set(train[5:])


def test_a_training_that_was_stopped_goes_on_bit_for_bit(home):
    data = load_data(TINY.data)
    whole, parted = create_generator_run("whole", TINY), create_generator_run("parted", TINY)
    train_generator(whole, data)
    stop, seen = threading.Event(), []

    def stop_in_the_second_epoch(status, row):
        seen.append(status)
        if status.epoch == 1 and status.step == 2:
            stop.set()

    with pytest.raises(Stopped):
        train_generator(parted, data, stop=stop, on_progress=stop_in_the_second_epoch)
    assert parted.status().state == "stopped"
    assert seen[-1].step == 2
    train_generator(parted, data)
    assert parted.status().state == "finished"
    assert whole.weights_path.read_bytes() == parted.weights_path.read_bytes()
    assert [path.read_bytes() for path in whole.sheets().values()] == [
        path.read_bytes() for path in parted.sheets().values()
    ]
    keys = ("epoch", *SUMS)
    rows = [[row[key] for key in keys] for row in whole.metrics()]
    assert rows == [[row[key] for key in keys] for row in parted.metrics()]
    assert [row[0] for row in rows] == [1, 2]


def test_a_training_changes_the_generator_and_leaves_sheets_of_seven_classes(home):
    run = create_generator_run("tiny", TINY)
    train_generator(run, load_data(TINY.data))
    generator, epoch = load_generator(run)
    assert epoch == TINY.epochs
    torch.manual_seed(TINY.seed)
    fresh = create_generator(TINY).eval()
    labels = np.arange(NUM_CLASSES)
    faces = draw_faces(generator, labels, seed=0)
    assert faces.dtype == np.uint8
    assert not np.array_equal(faces, draw_faces(fresh, labels, seed=0))
    assert np.array_equal(faces, draw_faces(generator, labels, seed=0))
    assert not np.array_equal(faces, draw_faces(generator, labels, seed=1))
    sheets = run.sheets()
    assert list(sheets) == [1, 2]
    assert cv2.imread(str(sheets[2]), cv2.IMREAD_GRAYSCALE).shape == (7 * 50 - 2, 10 * 50 - 2)


def test_a_damaged_state_is_refused_by_name(home):
    run = create_generator_run("tiny", TINY)
    run.resume_path.write_bytes(b"not a state")
    with pytest.raises(RunError, match=r"resume\.safetensors does not fit"):
        train_generator(run, load_data(TINY.data))
    assert run.status().state == "failed"


def test_names_and_settings_are_checked(home, capsys):
    create_generator_run("tiny", TINY)
    with pytest.raises(RunError, match="called 'tiny' already"):
        create_generator_run("tiny", TINY)
    with pytest.raises(ConfigError, match="name must begin"):
        create_generator_run("../up", TINY)
    with pytest.raises(RunError, match="tiny"):
        load_generator_run("tony")
    assert main(["generate", "train", "other", "--data", "synthetic:140", "--epochs", "0"]) == 2
    assert "epochs must be from 1 to 10000" in capsys.readouterr().err
    assert [run.name for run in list_generators()] == ["tiny"]


@pytest.mark.timeout(1800)  # a process that gives way to others on a busy machine
def test_a_background_training_is_stopped_resumed_and_deleted(home):
    settings = type(TINY)(**{**vars(TINY), "epochs": 10_000})
    run = jobs.start("tiny", settings)
    # An epoch may end within the second between two statuses: then the step is always 0.
    _wait_until(
        lambda: run.status().state == "running" and (run.status().epoch, run.status().step) > (0, 0)
    )
    with pytest.raises(RunError, match="is being trained"):
        delete_generator(run)
    jobs.stop(run)
    _wait_until(lambda: run.status().state == "stopped")
    reached = run.status()
    assert run.resume_path.exists()
    jobs.resume(run)
    _wait_until(
        lambda: (
            run.status().state == "running"
            and (run.status().epoch, run.status().step) > (reached.epoch, reached.step)
        )
    )
    jobs.stop(run)
    _wait_until(lambda: run.status().state == "stopped")
    _wait_until(lambda: not run.is_locked())
    delete_generator(run)
    assert not list_generators()


def _wait_until(holds, seconds=600):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.2)
