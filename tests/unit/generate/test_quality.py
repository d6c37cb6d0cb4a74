"""The figures of a generator's samples: their definitions, and that copying is seen."""

import numpy as np
import pytest
import torch

from emotion_core.cli import main
from emotion_core.data.sources import load_data
from emotion_core.data.splits import split_indices
from emotion_core.errors import RunError
from emotion_core.generate import quality as measured
from emotion_core.generate.distances import copying, frechet_distance, kernel_distance, nearest
from emotion_core.generate.folder import create_generator_run
from emotion_core.generate.networks import create_generator
from emotion_core.generate.results import load_quality
from emotion_core.generate.sample import save_generator
from emotion_core.generate.words import quality_words
from emotion_core.models.checkpoint import Classifier
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from tests.unit.generate.conftest import TINY

RNG = np.random.default_rng(0)


@pytest.fixture
def judge():
    torch.manual_seed(1)
    return Classifier(
        create_model("sequential", width=8),
        name="judge",
        architecture="sequential",
        options={"width": 8},
        preprocess=Preprocess(),
        backend="torch",
    )


@pytest.fixture
def run(home):
    made = create_generator_run("tiny", TINY)
    torch.manual_seed(0)
    save_generator(made, create_generator(TINY), 1)
    return made


def test_the_frechet_distance_of_normal_distributions_is_the_known_one():
    rows = RNG.normal(size=(4000, 5))
    assert frechet_distance(rows, rows) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(rows, rows + 2) == pytest.approx(5 * 4)
    # With equal means and axes: the sum of the squared differences of the deviations.
    scaled = (rows - rows.mean(0)) * 3 + rows.mean(0)
    assert frechet_distance(rows, scaled) == pytest.approx(4 * rows.var(0, ddof=1).sum())


def test_the_frechet_distance_stands_fewer_rows_than_columns():
    rows = RNG.normal(size=(10, 40))
    assert frechet_distance(rows, rows) == pytest.approx(0, abs=1e-4)


def test_the_kernel_distance_is_unbiased_and_sees_a_shift():
    first, second = RNG.normal(size=(2, 1500, 8))
    same, spread = kernel_distance(first, second, size=300)
    assert abs(same) < spread
    apart, _ = kernel_distance(first, second + 1, size=300)
    assert apart > 10 * spread


def test_the_nearest_of_rows_is_found():
    known = np.eye(4)
    places, likeness = nearest(known[[2, 0]] * 0.5, known)
    assert places.tolist() == [2, 0]
    assert likeness.tolist() == [0.5, 0.5]


def test_copies_are_nearer_than_unseen_faces_and_others_are_not():
    near, unseen = RNG.normal(0.9, 0.02, 300), RNG.normal(0.6, 0.05, 300)
    assert copying(near, unseen).nearer > 0.99
    assert copying(near, unseen).p_value < 1e-6
    assert copying(unseen, near).p_value > 0.99


def test_a_generator_that_copies_is_found_out(run, judge, monkeypatch):
    data = load_data("synthetic:280")
    train = split_indices(data).train

    def copies(generator, labels, seed):
        return np.array(data.images[train[: len(labels)]])[:, :, ::-1]

    monkeypatch.setattr(measured, "draw_faces", copies)
    found = measured.measure_quality(run, judge, data=data)
    assert found.twins == 1
    assert found.twins_real < 1
    assert found.pixels.samples > 0.999 > found.pixels.unseen
    assert found.pixels.p_value < 1e-3
    assert "samples are nearer" in quality_words(found)[4]


def test_noise_is_far_from_faces_and_copies_nothing(run, judge, monkeypatch):
    data = load_data("synthetic:280")
    noise = np.random.default_rng(1).integers(0, 256, (400, 48, 48), dtype=np.uint8)
    monkeypatch.setattr(
        measured, "draw_faces", lambda generator, labels, seed: noise[: len(labels)]
    )
    shares: list[float] = []
    found = measured.measure_quality(run, judge, data=data, reference=100, progress=shares.append)
    assert found.fid > 10 * found.fid_real > 0
    assert found.kid[0] > found.kid_real[0] + found.kid_real[1]
    assert (found.twins, found.reference) == (0, 100)
    assert found.pixels.p_value > 0.5
    assert found.faces == len(split_indices(data).val)
    assert shares == sorted(shares)
    assert load_quality(run) == found
    assert run.neighbours_path.exists()


def test_a_generator_without_weights_or_with_a_damaged_result_says_what_to_do(home, judge, capsys):
    run = create_generator_run("new", TINY)
    with pytest.raises(RunError, match="has not finished its first epoch"):
        measured.measure_quality(run, judge, data=load_data("synthetic:140"))
    assert load_quality(run) is None
    run.quality_path.write_text("{}")
    with pytest.raises(RunError, match="Measure it again"):
        load_quality(run)
    assert main(["generate", "quality", "new", "--faces", "1"]) == 2
    assert "at least 8" in capsys.readouterr().err
    assert main(["generate", "keep", "new", "made", "--per-class", "1", "--classes", "disgut"]) == 2
    assert "disgust" in capsys.readouterr().err
