"""Training of a generator in a terminal: a progress bar, and one line per epoch."""

import threading

from emotion_core.generate.folder import GanRun
from emotion_core.generate.loop import train_generator
from emotion_core.processes import stop_on_signals
from emotion_core.progress import progress_bar
from emotion_core.runs.run import Row
from emotion_core.runs.status import Status
from emotion_core.training.failures import Stopped


def train_in_terminal(run: GanRun, stop: threading.Event | None = None) -> bool:
    """Train a generator with a progress bar.

    Args:
        run: New or stopped.
        stop: Set to stop; by default Ctrl-C and SIGTERM do.

    Returns:
        Whether it finished; False if it was stopped and saved.
    """
    with progress_bar(total=None, unit="step", dynamic_ncols=True) as bar:

        def show(status: Status, row: Row | None) -> None:
            bar.total = status.epochs * status.steps
            bar.n = status.epoch * status.steps + status.step
            bar.update(0)
            if row:
                bar.write(
                    f"epoch {row['epoch']:.0f}  discriminator {row['loss_discriminator']:.3f}  "
                    f"generator {row['loss_generator']:.3f}  {row['images_per_second']:.0f} images/s"
                )

        try:
            train_generator(run, stop=stop or stop_on_signals(), on_progress=show)
        except Stopped:
            print(f"Stopped and saved. Go on: python -m emotion_core generate train {run.name}")
            return False
    print(f"Finished. Sample sheets lie in {run.path / 'sheets'}")
    return True
