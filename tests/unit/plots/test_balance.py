"""The experiment on balance in one or two sentences."""

import pytest

from emotion_core.generate.experiment import METRICS, Experiment, Figure, Way
from emotion_core.plots.balance import balance_figure, balance_reading, change_reading

TITLES = {"plain": "As it is", "over": "Over-sampling", "generated-50": "Generated, to 50 %"}


def experiment(chosen: str, validation: dict[str, float], changes: dict[str, float]) -> Experiment:
    ways = tuple(
        Way(
            name=name,
            title=TITLES[name],
            faces=100,
            generated=0.2 if name.startswith("generated") else 0.0,
            validation=value,
            figures={
                metric: Figure(
                    mean=0.5,
                    interval=(0.4, 0.6),
                    change=changes.get(name, 0.0),
                    change_interval=(changes.get(name, 0.0) - 0.02, changes.get(name, 0.0) + 0.02),
                    p_value=None if name == "plain" else 0.5,
                )
                for metric in METRICS
            },
        )
        for name, value in validation.items()
    )
    return Experiment(
        date="2026-11-30T00:00:00+00:00", data="faces", model="sequential", epochs=1, seeds=2,
        generator="g", judge="j", test_faces=10, ways=ways, chosen=chosen,
    )  # fmt: skip


VALIDATION = {"plain": 0.49, "over": 0.54, "generated-50": 0.5}


@pytest.mark.parametrize(
    ("change", "word"),
    [(0.01, "not clearly different from"), (0.03, "higher than"), (-0.03, "lower than")],
)
def test_the_best_way_and_the_best_with_generated_faces_are_told(change, word):
    changes = {"over": 0.05, "generated-50": change}
    said = balance_reading(experiment("over", VALIDATION, changes))
    assert said.startswith(
        "Best on validation: over-sampling. On test its macro-F1 is higher than that of the plain "
        "training (+0.050, 95 % interval +0.030 to +0.070). Best with generated faces: generated, to "
        f"50 %. On test its macro-F1 is {word} that of"
    )


def test_a_best_way_is_told_once_and_the_plain_one_is_best_of_itself():
    made = experiment("generated-50", VALIDATION | {"generated-50": 0.6}, {})
    assert balance_reading(made).count("Best") == 1
    plain = balance_reading(experiment("plain", VALIDATION | {"plain": 0.6}, {}))
    assert plain.startswith("On validation no way is better than") and "to 50 %" in plain


def test_each_metric_has_a_row_of_changes_with_intervals():
    result = experiment("over", VALIDATION, {"over": 0.05})
    for metric in METRICS:
        (trace,) = balance_figure(result, metric).data
        scale = 1 if metric in ("macro_f1", "ece") else 100
        assert list(trace.y) == ["Generated, to 50 %", "Over-sampling"]
        assert list(trace.x) == pytest.approx([0.0, 0.05 * scale])
        assert list(trace.error_x.array) == pytest.approx([0.02 * scale] * 2)
    assert change_reading(result, "macro_f1") == "Largest change: over-sampling, +0.050."
    assert change_reading(result, "accuracy") == "Largest change: over-sampling, +5.0 points."
