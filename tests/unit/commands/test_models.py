"""``python -m emotion_core models``: the list and the layer table."""

import json

from emotion_core.cli import main


def test_list_names_every_architecture_with_its_size(capsys):
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    assert "block_cnn              7,210,439" in text
    assert "stem=imagenet pretrained=False" in text


def test_table_ends_with_the_sums(capsys):
    assert main(["models", "plain_cnn"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "MACs"]
    assert " ".join(lines[1].split()) == "0 Conv2d 5x5 32 x 48 x 48 832 1,843,200"
    assert lines[-1].startswith("plain_cnn: 7,206,919 parameters,")


def test_json_obeys_the_options(capsys):
    assert main(["models", "sequential", "--options", "width=8", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["options"] == {"width": 8}
    assert result["layers"][0]["output_shape"] == [8, 24, 24]
    assert sum(row["parameters"] for row in result["layers"]) == result["parameters"]


def test_wrong_name_and_nameless_options_are_one_line(capsys):
    assert main(["models", "resnet81"]) == 2
    assert "Did you mean 'resnet18'" in capsys.readouterr().err
    assert main(["models", "--options", "stem=small"]) == 2
    assert capsys.readouterr().err == "error: --options needs the architecture's NAME.\n"
