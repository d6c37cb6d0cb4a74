"""What may be kept of a generator's samples, and that it only ever trains."""

import numpy as np
import pytest

from emotion_core.collect import store
from emotion_core.collect.faces import NewFace, add_faces, start_session
from emotion_core.collect.quality import quality_of
from emotion_core.collect.query import Filter, list_faces, list_sessions
from emotion_core.collect.transfer import exported, import_data
from emotion_core.data.collected import load_collection
from emotion_core.data.duplicates import KnownFaces
from emotion_core.data.faces import SPLITS
from emotion_core.data.generated import (
    GENERATED,
    generated_share,
    is_generated,
    marked,
    require_real,
    without_generated,
)
from emotion_core.data.sources import load_data
from emotion_core.data.splits import split_indices
from emotion_core.errors import CollectionError, DataError
from emotion_core.generate.folder import create_generator_run
from emotion_core.generate.keep import keep_samples, wanted_to_fill
from emotion_core.generate.networks import create_generator
from emotion_core.generate.sample import draw_faces, load_generator, save_generator
from emotion_core.labels import EMOTIONS
from emotion_core.models.checkpoint import Classifier
from emotion_core.models.preprocess import Preprocess
from emotion_core.models.registry import create_model
from tests.unit.generate.conftest import TINY


@pytest.fixture
def run(home):
    """A generator as it is after its first step: its faces differ, but show nothing yet."""
    import torch

    made = create_generator_run("tiny", TINY)
    torch.manual_seed(0)
    network = create_generator(TINY)
    for module in network.modules():
        if isinstance(module, torch.nn.ConvTranspose2d | torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, std=0.4)
    save_generator(made, network, 1)
    return made


@pytest.fixture
def judge():
    """An untrained network: some of its answers agree with what they were made for."""
    import torch

    torch.manual_seed(1)
    model = create_model("sequential", width=8)
    torch.nn.init.normal_([m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1].weight)
    return Classifier(
        model,
        name="judge",
        architecture="sequential",
        options={"width": 8},
        preprocess=Preprocess(),
        backend="torch",
    )


@pytest.fixture
def data():
    return load_data("synthetic:210")


def favourite(run, judge):
    """The class that the judge most often sees in this generator's faces."""
    generator, _ = load_generator(run)
    answers = judge.probs(draw_faces(generator, np.arange(210) % 7, 5)).argmax(1)
    return int(np.bincount(answers, minlength=7).argmax())


def test_kept_samples_agree_with_the_judge_are_marked_and_only_train(run, judge, data):
    emotion = EMOTIONS[favourite(run, judge)]
    kept = keep_samples(run, "made", {emotion: 6}, judge, data=data)[emotion]
    assert (kept.kept, kept.missing) == (6, 0)
    assert kept.drawn >= 6 + kept.disagreed - 64
    items, total = list_faces("made", Filter(source=GENERATED))
    assert total == 6
    assert {item.label for item in items} == {emotion}
    assert all(item.answer == emotion and item.origin.startswith("tiny, epoch 1") for item in items)
    assert [session["role"] for session in list_sessions("made")] == ["train"]
    found = load_collection("made")
    assert is_generated(found).all()
    assert set(found.splits) == {SPLITS.index("train")}
    # No two of them, and no face of the data set, show the same photograph.
    known = KnownFaces(data.images)
    assert not any(known.has(face) for face in found.images)


def test_a_second_call_goes_on_to_the_wanted_number(run, judge, data):
    emotion = EMOTIONS[favourite(run, judge)]
    keep_samples(run, "made", {emotion: 3}, judge, data=data)
    again = keep_samples(run, "made", {emotion: 5}, judge, data=data)[emotion]
    assert (again.before, again.kept) == (3, 2)
    assert len(load_collection("made")) == 5
    assert not keep_samples(run, "made", {emotion: 5}, judge, data=data)[emotion].drawn


def test_samples_that_show_a_training_face_are_refused(run, judge, data):
    """The data set is made of the generator's own faces, as if it had remembered them all."""
    label = favourite(run, judge)
    generator, _ = load_generator(run)
    drawn = draw_faces(generator, np.full(64, label), (label * 1_000_003) * 1_000_003)
    images = np.array(data.images)
    images[:64] = drawn[:, :, ::-1]  # mirrored ones are copies too
    remembered = type(data)(**{**vars(data), "images": images})
    kept = keep_samples(run, "made", {EMOTIONS[label]: 1}, judge, data=remembered)
    assert kept[EMOTIONS[label]].twins > 0


def test_a_class_that_the_judge_never_sees_is_given_up_and_told(run, data):
    import torch

    model = create_model("sequential", width=8)
    last = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]
    torch.nn.init.zeros_(last.weight)
    last.bias.data = torch.eye(7)[0] * 9  # always angry
    stubborn = Classifier(
        model, name="s", architecture="sequential", options={"width": 8},
        preprocess=Preprocess(), backend="torch",
    )  # fmt: skip
    kept = keep_samples(run, "made", {"disgust": 4}, stubborn, data=data)["disgust"]
    assert (kept.kept, kept.missing) == (0, 4)
    assert kept.disagreed == kept.drawn == 64  # at least 8 for each wanted one, in batches of 64


def test_how_many_fill_each_class_to_a_share_of_the_largest(data):
    train = split_indices(data).train
    counts = np.bincount(data.labels[train], minlength=7)
    full = wanted_to_fill(data, 1.0)
    assert all(
        full.get(name, 0) == counts.max() - n for name, n in zip(EMOTIONS, counts, strict=True)
    )
    assert not wanted_to_fill(data, 0.01)


def test_a_generated_face_is_refused_in_a_session_that_is_held_out(data):
    store.create("me")
    for role in ("val", "test"):
        with pytest.raises(CollectionError, match="may only train"):
            add_faces(start_session("me", "held out", role=role), [new_face(data, 0)])
    assert add_faces(start_session("me", "learned", role="train"), [new_face(data, 0)])


def test_no_split_ever_puts_a_generated_face_into_val_or_test(data, home):
    fill_mixed(data)
    mixed = load_collection("mixed")
    joined = load_data("synthetic:210+collection:mixed")
    for found in (mixed, joined):
        split = split_indices(found)
        made = is_generated(found)
        assert made.sum() == 20
        assert made[split.train].sum() == 20
        assert not made[split.val].any()
        assert not made[split.test].any()
        assert len(split.val) and len(split.test)
    for fold in (1, 2):
        found = load_data(f"collection:mixed%{fold}/2")
        assert not is_generated(found)[split_indices(found).test].any()
    share = generated_share(joined, split_indices(joined).train)
    assert share == 20 / len(split_indices(joined).train)


def test_data_that_would_report_on_generated_faces_is_refused(data):
    usage = np.where(data.splits == SPLITS.index("test"), GENERATED, "")
    wrong = type(data)(**{**vars(data), "usage": usage})
    with pytest.raises(DataError, match="generated faces in val or test"):
        split_indices(wrong)
    require_real(data)


def test_the_mark_stays_through_a_copy_and_an_export_leaves_such_faces_out(data):
    fill_mixed(data)
    store.create("copy")
    import_data("copy", "collection:mixed")
    assert is_generated(load_collection("copy")).sum() == 20
    mixed = load_collection("mixed")
    assert exported(mixed, "csv").count(b"\n") == 1 + 40
    assert len(without_generated(mixed)) == 40
    alone = type(mixed)(**{**vars(mixed), "usage": np.full(len(mixed), GENERATED)})
    with pytest.raises(CollectionError, match="are generated"):
        exported(alone, "zip")
    captions = marked(mixed, np.arange(len(mixed)), ["sad"] * len(mixed))
    assert captions.count(f"sad\n{GENERATED}") == 20


def fill_mixed(data):
    """A collection of 40 photographs and 20 generated faces."""
    store.create("mixed")
    session = start_session("mixed", "photographs", role="train")
    add_faces(session, [new_face(data, row, "photo") for row in range(40)])
    session = start_session("mixed", "made", role="train")
    add_faces(session, [new_face(data, row) for row in range(100, 120)])


def new_face(data, row, source=GENERATED):
    image = np.array(data.images[row])
    return NewFace(
        face=image,
        large=None,
        source=source,
        origin=f"{row}",
        quality=quality_of(image[None])[0],
        label=EMOTIONS[data.labels[row]],
        by="import",
        who="test",
    )
