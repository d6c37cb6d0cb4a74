"""What a finished run achieved: ``report.json`` as values that were checked when they were read.

Every page, table and file takes its figures from here; ``evaluation.report`` makes them.
"""

from dataclasses import dataclass, field
from typing import Annotated

from emotion_core.probabilities import Calibration
from emotion_core.records import (
    Amount,
    Count,
    Record,
    Rule,
    Scalar,
    Share,
    between,
)
from emotion_core.runs.scores import Scores

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class DataFacts(Record):
    """The data set that a run was trained and tested on.

    Attributes:
        source: Last part of its path.
        fingerprint: Of all faces and labels; equal for equal data.
        test_fingerprint: Of the test split; only runs with equal ones are compared.
        synthetic: Whether the faces are drawn by code.
        counts: Faces by split and emotion.
        generated: Share of the learned faces that a generator made; None where none was.
    """

    name: str
    source: str
    fingerprint: str
    test_fingerprint: str
    synthetic: bool
    counts: dict[str, dict[str, Count]]
    generated: Share | None = None

    @property
    def faces(self) -> int:
        """Faces in all splits."""
        return sum(sum(part.values()) for part in self.counts.values())


@dataclass(frozen=True, kw_only=True)
class Subsets(Record):
    """Scores on parts of the test split; None where the part has no faces.

    Attributes:
        private_test: FER-2013's PrivateTest half, which papers report.
        public_test: Its PublicTest half.
        leak_free: Test faces without a near-duplicate in training.
    """

    private_test: Scores | None = None
    public_test: Scores | None = None
    leak_free: Scores | None = None


@dataclass(frozen=True, kw_only=True)
class FlipTta(Record):
    """Scores of the mean of each face's answer and that of its mirror image."""

    test: Scores
    val: Scores | None = None


@dataclass(frozen=True, kw_only=True)
class Uncalibrated(Record):
    """Test figures of the raw outputs, as in ``Scores``."""

    ece: Share
    nll: Amount
    brier: Annotated[float, between(0, 2)]


@dataclass(frozen=True, kw_only=True)
class Abstain(Record):
    """The confidence below which the run abstains, and what that gave on validation (0..1)."""

    threshold: Share
    val_coverage: Share
    val_accuracy: Share


@dataclass(frozen=True, kw_only=True)
class Cost(Record):
    """Size, work and speed.

    Attributes:
        parameters: Learned numbers.
        macs: Multiply-accumulates per face.
        size_bytes: Weights on disk.
        latency_ms: Median CPU milliseconds per face on one thread.
        latency_p90_ms: Nine of ten faces take less.
        latency_backend: What ran the network.
        train_seconds: Training time, without that of earlier runs.
        images_per_second: Median rate of training.
        chain_seconds: Training time with that of all runs whose weights went into this one; 0
            where it was not recorded.
    """

    parameters: Count
    macs: Count
    size_bytes: Count
    latency_ms: Amount
    latency_p90_ms: Amount
    latency_backend: str
    train_seconds: Amount
    images_per_second: Amount
    chain_seconds: Amount = 0.0

    @property
    def training_seconds(self) -> float:
        """Training time of the whole chain; of the run alone where only that was recorded."""
        return self.chain_seconds or self.train_seconds


@dataclass(frozen=True, kw_only=True)
class Environment(Record):
    """Versions and hardware that a figure depends on."""

    python: str = ""
    torch: str = ""
    platform: str = ""
    cpu: str = ""
    cpu_capability: str = ""
    cores: Count = 0
    gpu: str = ""

    @property
    def hardware(self) -> str:
        """The GPU, or the cores and their widest instructions."""
        return self.gpu or self.processor

    @property
    def processor(self) -> str:
        """The cores and their widest instructions: where latency was measured."""
        name = (
            f"{self.cores or '?'} core{'s' * (self.cores != 1)} of {self.cpu or 'an unknown CPU'}"
        )
        return f"{name}, {self.cpu_capability}" if self.cpu_capability else name


@dataclass(frozen=True, kw_only=True)
class Fp16(Record):
    """What storing the weights as fp16 cost on validation: lost accuracy and changed answers."""

    val_accuracy_loss: Annotated[float, between(-1, 1)]
    val_changed: Share


@dataclass(frozen=True, kw_only=True)
class Report(Record):
    """``report.json``.

    Attributes:
        run: Name of the run's folder when it was evaluated.
        model: Architecture.
        options: Its keyword options.
        recipe: Recipe of the training.
        refit: Folder name of the run that this one repeats; empty for others.
        epochs: Finished epochs; 0 for the classical baseline.
        best_epoch: The epoch whose weights were kept.
        date: When it was evaluated, UTC ISO 8601.
        temperature: Of the calibration (see ``probabilities.softmax``).
        smoothing: Likewise.
        test_uncalibrated: Test figures without calibration.
        environment: Where it was evaluated and timed.
        trained_on: Where it was trained; ``trainer`` says so for older reports too.
        fp16: Set once it was shipped.
        summary: The architecture in one sentence, where the registry does not know it.
        fitted: How it was trained, where no recipe says so.
    """

    format: Annotated[
        int, Rule(f"at most {FORMAT} (update emotion_core)", lambda value: value <= FORMAT)
    ] = FORMAT
    run: str
    model: str
    options: dict[str, Scalar] = field(default_factory=dict)
    recipe: str
    refit: str = ""
    epochs: Count
    best_epoch: Count = 0
    date: str = ""
    data: DataFacts
    val: Scores
    test: Scores
    subsets: Subsets
    flip_tta: FlipTta
    temperature: Annotated[float, Rule("above 0", lambda value: value > 0)]
    smoothing: Annotated[float, Rule("at least 0 and below 1", lambda value: 0 <= value < 1)] = 0.0
    test_uncalibrated: Uncalibrated
    abstain: Abstain
    cost: Cost
    environment: Environment
    trained_on: Environment | None = None
    fp16: Fp16 | None = None
    summary: str | None = None
    fitted: str | None = None

    @property
    def calibration(self) -> Calibration:
        """What turned logits into the probabilities that were scored."""
        return Calibration(self.temperature, self.smoothing)

    @property
    def trainer(self) -> Environment:
        """The machine that trained it."""
        return self.trained_on or self.environment
