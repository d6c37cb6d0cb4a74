"""A run's settings: changed ones first, and what differs between several."""

from emotion_core.recipes import TrainConfig, recipe_config
from emotion_core.reporting.settings import differing_rows, settings_rows


def test_changed_settings_come_first_with_the_recipes_value():
    config = recipe_config("ours", "resnet18", lr=0.01, name="mine", tag="talk", data="faces")
    first, *others = settings_rows(config)
    assert (first["Setting"], first["This run"], first["Recipe"]) == (
        "Learning rate",
        "0.01",
        f"{TrainConfig().lr:g}",
    )
    assert first["Changed"] and not any(row["Changed"] for row in others)
    assert not {"Name", "Note", "Tag"} & {row["Setting"] for row in others}


def test_a_recipes_own_setting_for_an_architecture_is_no_change():
    assert not any(row["Changed"] for row in settings_rows(recipe_config("study", "block_cnn")))


def test_the_classical_baseline_changed_nothing():
    rows = settings_rows(TrainConfig(model="hog_svm", recipe="baseline", epochs=1))
    assert not any(row["Changed"] for row in rows)


def test_the_classical_baseline_has_no_settings_of_a_network():
    baseline = TrainConfig(model="hog_svm", recipe="baseline", epochs=1)
    rows = differing_rows({"a": TrainConfig(), "b": TrainConfig(seed=3), "c": baseline})
    assert [(row["Setting"], row["c"]) for row in rows] == [
        *(("Model", "hog_svm"), ("Recipe", "baseline"), ("Seed", ""))
    ]


def test_only_what_differs_is_told_names_left_out():
    first = recipe_config("ours", "resnet18", name="a", seed=1)
    second = recipe_config("ours", "resnet18", name="b", seed=2, plain_copy=True)
    assert differing_rows({"a": first, "b": second}) == [
        {"Setting": "Seed", "a": "1", "b": "2"},
        {"Setting": "Also train on the unaugmented image", "a": "no", "b": "yes"},
    ]
    assert differing_rows({"a": first, "b": first, "c": first}) == []
    assert differing_rows({"a": first, "b": first, "c": second})[0] == {
        "Setting": "Seed",
        **{"a": "1", "b": "1", "c": "2"},
    }
