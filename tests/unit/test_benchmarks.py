"""``python -m benchmarks``: the list, the flags, and the inference benchmark on a real model."""

import importlib
import subprocess
import sys

import pytest

from benchmarks.__main__ import benchmark_names
from emotion_core.files import read_json
from emotion_core.paths import PROJECT


def benchmark(name):
    return importlib.import_module(f"benchmarks.{name}").main


def test_inference_benchmark_measures_backends_that_answer_alike(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMOTION_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "figures.json"
    flags = "--models sequential --repeats 10 --backends torch-channels-last onnxruntime"
    assert benchmark("inference")([*flags.split(), "--json", str(file)]) == 0
    assert "onnxruntime" in capsys.readouterr().out
    figures = read_json(file)
    assert figures["benchmark"] == "inference"
    assert figures["environment"]["torch"]
    (model,) = figures["models"]
    for kind in ("torch-eager", "torch-channels-last", "onnxruntime"):
        row = model["backends"][kind]
        assert row["ms_batch1"] > 0
        assert row["largest_difference"] < 1e-3
    assert model["backends"]["torch-eager"]["ratio_to_eager"] == 1


@pytest.mark.parametrize("name", benchmark_names())
def test_every_benchmark_has_help(name, capsys):
    with pytest.raises(SystemExit) as caught:
        benchmark(name)(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert f"python -m benchmarks.{name} " in shown and "--json" in shown


def test_a_wrong_flag_is_one_line_and_code_2(capsys):
    assert benchmark("dashboard")(["--runs", "0"]) == 2
    assert capsys.readouterr().err == "error: --runs must be 1 or more, got 0.\n"


def test_the_list_names_what_the_readme_promises():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    listed = [line.split()[2] for line in done.stdout.splitlines()]
    expected = [
        "audit",
        "balance",
        "collection",
        "dashboard",
        "data",
        "detection",
        "house",
        "inference",
        "live",
        "loop",
        "pages",
        "personal",
        "recording",
        "scale",
        "serve",
        "sessions",
        "train",
        "viewers",
    ]
    assert listed == [f"benchmarks.{name}" for name in expected]
