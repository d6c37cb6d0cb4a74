"""The transfer measure: five parts with equal weight, on validation faces that the run never learned."""

import shutil

import numpy as np
import pytest
import torch

from emotion_core.cli import main
from emotion_core.data.splits import split_indices
from emotion_core.errors import CheckpointError, DataError
from emotion_core.evaluation import corruptions, transfer, transfer_measure
from emotion_core.models.checkpoint import save_checkpoint
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.runs.create import create_run
from emotion_core.runs.run import Run
from tests.samples import write_report

KINDS = corruptions.FRAMING | corruptions.LIGHT | corruptions.LOW_RESOLUTION
OPTIONS = {"width": 4}


def with_weights(run: Run) -> Run:
    torch.manual_seed(0)
    model = create_model("sequential", **OPTIONS)
    torch.nn.init.normal_(model[-1].weight, std=9.0)  # answers that differ
    save_checkpoint(run, model, architecture="sequential", options=OPTIONS, preprocess=Preprocess())
    return run


@pytest.fixture
def trained(tmp_path, faces):
    run = create_run(recipe_config("ours", "sequential", options=OPTIONS), tmp_path)
    write_report(run, {"data.fingerprint": faces.fingerprint})
    return with_weights(run)


def grid(value: int = 0) -> np.ndarray:
    """A white square on gray, 3 faces."""
    faces = np.full((3, 48, 48), 100, np.uint8)
    faces[:, 18:30, 18:30] = 200
    return faces + np.uint8(value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_view_changes_the_face_and_not_its_input(kind):
    before = grid()
    first, again = (corruptions.corrupt(before, kind, 3, kinds=KINDS) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(before, grid())
    assert first.shape == before.shape and first.dtype == np.uint8
    assert (first != before).any()


def test_the_strongest_views_are_as_far_as_said():
    moved = corruptions.corrupt(grid(), "offset", 5, kinds=KINDS)
    for face in moved:
        rows, columns = np.nonzero(face > 150)
        assert np.hypot(rows.mean() - 23.5, columns.mean() - 23.5) == pytest.approx(12, abs=0.5)
    sides = {
        round(np.sqrt((face / 100 - 1).sum()))
        for face in corruptions.corrupt(np.tile(grid(), (10, 1, 1)), "scale", 5, kinds=KINDS)
    }
    assert sides == {9, 15}  # of 12
    powers = {
        int(face[0, 0])
        for face in corruptions.corrupt(np.tile(grid(), (10, 1, 1)), "gamma", 5, kinds=KINDS)
    }
    assert powers == {round(255 * (100 / 255) ** power) for power in (2.5, 0.4)}


def test_the_measure_is_the_mean_of_five_parts_on_validation(trained, faces):
    steps = []
    found, not_kept = transfer_measure.measure_transfer(
        trained, faces, images=20, progress=lambda done, total: steps.append((done, total))
    )
    assert steps == [(done, 73) for done in range(1, 74)]
    assert tuple(found.parts) == transfer.NAMES and found.images == 20
    assert found.transfer == pytest.approx(np.mean(list(found.parts.values())), abs=1e-4)
    assert found.transfer == pytest.approx(np.mean(found.scores), abs=1e-9)
    for part, kinds in found.views.items():
        curves = list(kinds.values())
        assert found.parts[part] == pytest.approx(np.mean(curves))
    low, high = found.transfer_ci95
    assert low < found.transfer < high
    assert not_kept == "" and transfer.load_transfer(trained) == found


def test_the_faces_are_those_of_validation_in_any_order_of_the_source(faces):
    val = split_indices(faces).val
    chosen, labels = transfer_measure._validation(faces, 0.1, 1000)
    assert len(labels) == len(val)
    known = {faces.images[i].tobytes() for i in val}
    assert {face.tobytes() for face in chosen} == known
    order = np.random.default_rng(0).permutation(len(faces))
    fields = {name: getattr(faces, name)[order] for name in ("images", "labels", "splits")}
    shuffled = faces.__class__(
        **(vars(faces) | fields | {name: getattr(faces, name)[order] for name in ("usage", "ids")})
    )
    again, _ = transfer_measure._validation(shuffled, 0.1, 15)
    np.testing.assert_array_equal(again, transfer_measure._validation(faces, 0.1, 15)[0])


def test_a_network_that_always_gives_one_answer_is_told_from_one_that_does_not(trained, faces):
    """What no view can change agrees with its mirror always, and is correct as often as clean."""
    model = create_model("sequential", **OPTIONS)
    last = [module for module in model.modules() if hasattr(module, "out_features")][-1]
    last.weight.data.zero_()
    last.bias.data[:] = 0
    last.bias.data[3] = 1
    options = {"architecture": "sequential", "options": OPTIONS}
    save_checkpoint(trained, model, preprocess=Preprocess(), **options)
    found, _ = transfer_measure.measure_transfer(trained, faces, images=20)
    others = {name: value for name, value in found.parts.items() if name != "mirror"}
    assert found.parts["mirror"] == 1 and set(others.values()) == {found.clean}
    assert found.transfer == pytest.approx((4 * found.clean + 1) / 5, abs=1e-4)


def test_a_final_training_is_measured_by_the_run_that_never_learned_validation(
    tmp_path, faces, trained, capsys
):
    config = TrainConfig(
        model="sequential",
        options=OPTIONS,
        name="final",
        train_on="train+val",
        chosen_by=trained.id,
    )
    final = create_run(config, tmp_path)
    write_report(final, {"data.fingerprint": faces.fingerprint})
    with_weights(final)
    of_itself, _ = transfer_measure.measure_transfer(trained, faces, images=20)
    found, not_kept = transfer_measure.measure_transfer(final, faces, images=20)
    assert (found.measured, found.scores, not_kept) == (trained.name, of_itself.scores, "")
    trained.weights_path.unlink()
    with pytest.raises(CheckpointError, match="has learned the validation faces"):
        transfer_measure.measure_transfer(final, faces, images=20)


def test_other_faces_are_told_but_not_kept(trained, capsys):
    args = ["transfer", str(trained.path), "--data", "synthetic:200", "--images", "10"]
    assert main(args) == 0
    said = capsys.readouterr().out
    assert "clean" in said and "transfer" in said
    assert f"Not kept: '{trained.name}' was trained on other faces" in said
    assert transfer.load_transfer(trained) is None
    assert main(["transfer", str(trained.path), "--images", "0"]) == 2


def test_fewer_faces_do_not_replace_more(trained, faces):
    first, _ = transfer_measure.measure_transfer(trained, faces, images=12)
    _, not_kept = transfer_measure.measure_transfer(trained, faces, images=5)
    assert "has a measurement on 12 faces" in not_kept
    assert transfer.load_transfer(trained) == first


def test_two_runs_are_compared_face_by_face(trained, faces, tmp_path):
    other = Run(shutil.copytree(trained.path, tmp_path / "other"))
    found, _ = transfer_measure.measure_transfer(trained, faces, images=20)
    gap, (low, high) = transfer.difference(found, found)
    assert gap == low == high == 0
    worse = transfer.Transfer.from_json(
        found.to_json() | {"scores": [max(0, value - 0.05) for value in found.scores]}
    )
    gap, (low, high) = transfer.difference(found, worse)
    assert 0 < low <= gap <= high <= 0.05 + 1e-9
    fewer, _ = transfer_measure.measure_transfer(other, faces, images=5)
    with pytest.raises(DataError, match="different faces"):
        transfer.difference(found, fewer)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99}', '{"format": 1, "parts": {}}'])
def test_a_damaged_measurement_counts_as_none(trained, text):
    (trained.path / transfer.FILE).write_text(text)
    assert transfer.load_transfer(trained) is None


def test_new_weights_lose_the_measurement(trained, faces):
    transfer_measure.measure_transfer(trained, faces, images=5)
    trained.clear_results()
    assert transfer.load_transfer(trained) is None
