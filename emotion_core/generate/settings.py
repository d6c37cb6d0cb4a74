"""Settings of a generator's training: ``settings.json`` of its folder."""

from dataclasses import dataclass
from typing import Annotated

from emotion_core.records import Record, Rule, between

_Rate = Annotated[float, Rule("more than 0 and at most 0.1", lambda value: 0 < value <= 0.1)]


@dataclass(frozen=True, kw_only=True)
class GanSettings(Record):
    """What a generator is trained on, and how.

    The defaults are meant for a CPU: 20 epochs of FER-2013's training faces in about 90 minutes of
    one core.

    Attributes:
        data: Spec of the data set, whose training faces alone are learned.
        seed: Of weights and of every step's draws.
        epochs: Length; an epoch draws as many faces as there are training faces.
        batch_size: Real faces, and generated ones, per step.
        width: Channels of the widest maps; each halving of the side doubles them.
        latent: Numbers that a face is made from, beside its class.
        lr_generator: Adam's rate of the generator.
        lr_discriminator: Of the discriminator, which learns faster (two time scales; Heusel et al.
            2017).
        ema: Decay per step of the averaged generator, which draws all samples.
        sheet_epochs: Epochs between two sample sheets.
        device: ``cpu``, ``cuda:N``, or ``auto`` for a GPU if there is one.
    """

    data: str = "fer2013"
    seed: Annotated[int, between(0, 2**31 - 1)] = 0
    epochs: Annotated[int, between(1, 10_000)] = 20
    batch_size: Annotated[int, between(2, 4096)] = 64
    width: Annotated[int, between(4, 512)] = 32
    latent: Annotated[int, between(1, 1024)] = 64
    lr_generator: _Rate = 2e-4
    lr_discriminator: _Rate = 4e-4
    ema: Annotated[float, between(0, 0.99999)] = 0.999
    sheet_epochs: Annotated[int, between(1, 1000)] = 1
    device: str = "auto"
