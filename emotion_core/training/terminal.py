"""Training in a terminal: a progress bar, and one line per epoch."""

import logging
import os
import sys
import threading

from tqdm import tqdm

from emotion_core.processes import stop_on_signals
from emotion_core.progress import progress_bar
from emotion_core.recipes import TrainConfig
from emotion_core.runs.catalog import known_as
from emotion_core.runs.report import Report
from emotion_core.runs.run import Run
from emotion_core.text import plain
from emotion_core.training.engines import device_count, launch, stop_as_launched
from emotion_core.training.failures import Stopped
from emotion_core.training.loop import train
from emotion_core.training.progress import Progress
from emotion_core.units import percent, percent_range, score, several


def train_in_terminal(run: Run, config: TrainConfig, stop: threading.Event | None = None) -> bool:
    """Train a run with a progress bar and one line per epoch.

    Args:
        run: A run made by ``create_run``, new or stopped.
        config: Its settings.
        stop: Set to stop; by default Ctrl-C and SIGTERM do.

    Returns:
        Whether it finished; False if it was stopped and saved.
    """
    stop = stop or stop_on_signals()
    count = device_count(config)
    devices = f", {count} devices" if count > 1 else ""
    course = f"as {known_as(config.chosen_by)}" if config.final else several(config.epochs, "epoch")
    print(plain(f"{run.name}: {config.model} on {config.data}, {course}{devices}"), flush=True)
    try:
        report = launch(run, config, stop) if count > 1 else _train_shown(run, config, stop)
    except Stopped:
        print(f"Stopped and saved. Go on with: python -m emotion_core train --resume {run.name}")
        return False
    assert report, "only a rank has none"
    test = report.test
    print(
        f"Finished: test accuracy {percent(test.accuracy)} "
        f"(95 % interval {percent_range(test.accuracy_ci95)}), "
        f"macro-F1 {score(test.macro_f1)}. Results in {run.path}"
    )
    return True


def train_rank(run: Run, config: TrainConfig) -> int:
    """Train as one of the processes that ``engines.launch`` started; the first one shows it.

    Returns:
        The exit code: 3 if the first was stopped, after it has saved.
    """
    stop = stop_as_launched()
    try:
        if os.environ["RANK"] == "0":
            _train_shown(run, config, stop)
        else:
            train(run, config, stop=stop)
    except Stopped:
        return 3 if os.environ["RANK"] == "0" else 0
    return 0


def _train_shown(run: Run, config: TrainConfig, stop: threading.Event) -> Report | None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    with progress_bar(total=None, unit="img", dynamic_ncols=True) as bar:
        return train(
            run,
            config,
            stop=stop,
            on_progress=lambda progress: _show(bar, progress, config.batch_size),
        )


def _show(bar: tqdm, progress: Progress, batch_size: int) -> None:
    status, row = progress.status, progress.row
    if not status.steps:
        bar.set_postfix_str(f"teachers asked: {percent(status.teachers_asked, 0)}")
        return
    if bar.total is None:
        bar.reset(total=status.epochs * status.steps * batch_size)
    bar.n = (status.epoch * status.steps + status.step) * batch_size
    bar.set_postfix_str(
        f"epoch {min(status.epoch + 1, status.epochs)}, loss {status.train_loss:.3f}, "
        f"accuracy {percent(status.train_accuracy)}",
        refresh=False,
    )
    bar.update(0)
    if row:
        validation = (
            f"val accuracy {percent(row['val_accuracy'], 2)}  "
            f"val macro-F1 {score(row['val_macro_f1'])}"
            if "val_accuracy" in row
            else f"train accuracy {percent(row['train_accuracy'], 2)}"
        )
        tqdm.write(
            f"epoch {row['epoch']:3d}  loss {row['train_loss']:.3f}  {validation}  "
            f"{row['images_per_second']:.0f} images/s"
        )
        sys.stdout.flush()
