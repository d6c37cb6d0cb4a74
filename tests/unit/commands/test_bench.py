"""``python -m emotion_core bench``: dispatch, and the inference benchmark on a real model."""

import pytest

from emotion_core.cli import main
from emotion_core.commands.bench import bench_names
from emotion_core.files import read_json


def test_inference_benchmark_measures_backends_that_answer_alike(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "figures.json"
    command = "bench inference --models sequential --repeats 10"
    backends = ["--backends", "torch-channels-last", "onnxruntime"]
    assert main([*command.split(), *backends, "--json", str(file)]) == 0
    assert "onnxruntime" in capsys.readouterr().out
    figures = read_json(file)
    assert figures["bench"] == "inference"
    assert figures["environment"]["torch"]
    (model,) = figures["models"]
    for kind in ("torch-eager", "torch-channels-last", "onnxruntime"):
        row = model["backends"][kind]
        assert row["ms_batch1"] > 0
        assert row["largest_difference"] < 1e-3
    assert model["backends"]["torch-eager"]["ratio_to_eager"] == 1


@pytest.mark.parametrize("name", bench_names())
def test_every_benchmark_has_help(name, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["bench", name, "--help"])
    assert caught.value.code == 0
    assert "--json" in capsys.readouterr().out
