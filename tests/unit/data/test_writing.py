"""Faces that are written can be read by everybody, and are the same when they are read back."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.data import write_csv
from emotion_core.cli import main
from emotion_core.data.sources import load_data
from emotion_core.data.synthetic import synthetic_faces


def test_drawn_faces_are_written_with_the_rights_of_any_new_folder(tmp_path):
    out = tmp_path / "drawn"
    (tmp_path / "usual").mkdir()
    assert main(["data", "synthetic", "--out", str(out), "-n", "70"]) == 0
    assert out.stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert load_data(out).fingerprint == synthetic_faces(70).fingerprint
    assert {path.name for path in tmp_path.iterdir()} == {"drawn", "usual", "cache"}


def test_a_csv_keeps_the_splits_of_a_tree_that_has_its_own(tmp_path):
    drawn = synthetic_faces(70)
    data = replace(drawn, usage=np.full(70, "Training"), splits=drawn.splits[::-1])
    write_csv(data, tmp_path / "faces.csv")
    assert np.array_equal(load_data(tmp_path / "faces.csv").splits, data.splits)


@pytest.mark.parametrize("command", ["data --drawn -5", "inference --threads 0"])
def test_numbers_that_no_benchmark_can_take_are_one_line(command, capsys):
    name, *flags = command.split()
    assert importlib.import_module(f"benchmarks.{name}").main(flags) == 2
    assert "must be 1 or more, got" in capsys.readouterr().err
