import pytest

from emotion_core.collect import labels
from emotion_core.collect.faces import digest_of
from emotion_core.collect.query import Filter, label_counts, list_faces
from emotion_core.collect.store import create, list_collections
from emotion_core.data.collected import last_event, overlay_labels
from emotion_core.errors import CollectionError


def label_of(face):
    return next((i.label, i.by) for i in list_faces("me", limit=1000)[0] if i.id == face)


def test_the_newest_event_is_the_label_and_undo_is_one_more(fill):
    first, second, *_ = fill(each=3, by="")
    assert label_of(first) == ("", "")
    labels.label_faces("me", {first: "happy", second: "happy"})
    labels.label_faces("me", {first: "sad"})
    assert label_of(first) == ("sad", "person")
    assert labels.undo("me") == [first] and label_of(first) == ("happy", "person")
    assert labels.undo("me") == [first, second]  # one action, whole
    assert label_of(first) == ("", "") and label_of(second) == ("", "")
    assert labels.undo("me") == []
    assert [row["new"] for row in labels.history(first)] == ["", "happy", "sad", "happy"]


def test_an_action_after_an_undo_can_be_undone(fill):
    (first,) = fill(each=1, by="")
    labels.label_faces("me", {first: "happy"})
    labels.undo("me")
    labels.label_faces("me", {first: "fear"})
    assert labels.undo("me") == [first]
    assert label_of(first) == ("", "") and labels.undo("me") == []


def test_a_suggestion_waits_for_a_person_and_never_overrules_one(fill):
    first, second = fill(each=2, by="")
    labels.label_faces("me", {first: "happy", second: "sad"}, by="model", who="champion")
    assert label_of(first) == ("happy", "model")
    labels.label_faces("me", {first: "happy"})  # confirmed
    assert label_of(first) == ("happy", "person")
    labels.undo("me")
    assert label_of(first) == ("happy", "model")
    labels.label_faces("me", {first: "angry"})
    assert labels.label_faces("me", {first: "fear"}, by="model", who="champion") == 0
    (summary,) = list_collections()
    assert (summary.confirmed, summary.suggested) == (1, 1)
    assert list_faces("me", Filter(state="suggested"))[1] == 1
    assert label_counts("me") == {"": 1, "angry": 1}


def test_unknown_labels_and_faces_are_refused_whole(fill):
    (first,) = fill(each=1, by="")
    with pytest.raises(CollectionError, match="Unknown label 'hapy'"):
        labels.label_faces("me", {first: "hapy"})
    with pytest.raises(CollectionError, match="Face 99"):
        labels.label_faces("me", {first: "happy", 99: "happy"})
    assert label_of(first) == ("", "")


def test_the_same_label_again_is_no_event(fill):
    (first,) = fill(each=1, by="")
    labels.label_faces("me", {first: "happy"})
    before = last_event("me")
    assert labels.label_faces("me", {first: "happy"}) == 0 and last_event("me") == before


def test_corrections_of_another_data_set_are_events_too(drawn):
    create("fixes", "overlay")
    one, two = (digest_of(drawn.images[at]) for at in (0, 1))
    labels.correct("fixes", {one: "sad", two: "not_a_face"})
    labels.correct("fixes", {one: "fear"})
    assert overlay_labels("fixes") == {one: "fear", two: "not_a_face"}
    assert list_collections("overlay")[0].faces == 2
    labels.undo("fixes", "overlay")
    assert overlay_labels("fixes") == {one: "sad", two: "not_a_face"}
    labels.undo("fixes", "overlay")
    assert overlay_labels("fixes") == {} and list_collections("overlay")[0].faces == 0
    with pytest.raises(CollectionError, match="corrections of another data set"):
        labels.label_faces("fixes", {1: "sad"})
