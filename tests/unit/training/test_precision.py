import pytest
import torch

from emotion_core.models.registry import create_model
from emotion_core.training.precision import arithmetic, bf16_pays

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def dtypes(model, under):
    """Of what each convolution answers, by its number of groups."""
    found = {True: set(), False: set()}
    for layer in model.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(
                lambda layer, _, out: found[layer.groups > 1].add(out.dtype)
            )
    with under:
        answers = model(torch.randn(2, 1, 48, 48))
    answers.float().square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    return found


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v3_small"])
def test_bf16_on_a_cpu_leaves_depthwise_convolutions_in_fp32(name):
    found = dtypes(create_model(name), arithmetic("bf16", CPU))
    assert found == {True: {torch.float32}, False: {torch.bfloat16}}
    assert not torch.is_autocast_enabled("cpu")
    found = dtypes(create_model(name), arithmetic("fp32", CPU))
    assert found == {True: {torch.float32}, False: {torch.float32}}


def test_an_error_within_leaves_nothing_behind():
    with pytest.raises(ValueError, match="in between"), arithmetic("bf16", CPU):
        raise ValueError("in between")
    assert not torch.is_autocast_enabled("cpu")
    convolution = create_model("block_cnn")
    assert dtypes(convolution, arithmetic("fp32", CPU))[False] == {torch.float32}


def test_auto_is_bf16_where_the_machine_has_it(monkeypatch):
    able = torch.cpu.get_capabilities()
    has_bf16 = bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    assert bf16_pays(CPU) == has_bf16
    expected = torch.bfloat16 if has_bf16 else torch.float32
    assert dtypes(create_model("block_cnn"), arithmetic("auto", CPU))[False] == {expected}
    for capability, able in (((7, 5), False), ((8, 0), True), ((9, 0), True)):  # T4, A100, H100
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, c=capability: c)
        assert bf16_pays(CUDA) == able
