"""Run: what fine-tuning and pretraining share around `fit`."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras

from tfbert.files import replace_json
from tfbert.runs.configs.base import RunConfig
from tfbert.runs.folder import finished, locked_run_folder, write_finished
from tfbert.runs.logs.history_file import read_history
from tfbert.runs.logs.run_log import RunLog
from tfbert.runs.state import RunState
from tfbert.temporary import remove_leftovers
from tfbert.training.strategy import folder_to_write, is_chief, lost_hosts

if TYPE_CHECKING:
    import tensorflow as tf

    from tfbert.data.batching.batches import Batches
    from tfbert.data.pretraining.batches import PretrainingBatches
    from tfbert.training.model import TrainedModel


@contextlib.contextmanager
def run_folder(strategy: tf.distribute.Strategy, config: RunConfig) -> Iterator[pathlib.Path]:
    """Yields the folder that this process writes its run to, locked: `config.out`, or on other hosts one aside.

    Raises DiskError where another program trains in it.
    """
    with folder_to_write(strategy, config.out) as folder, locked_run_folder(folder):
        remove_leftovers(folder)
        yield folder


class Run:
    """A training run in its folder: it resumes from the newest checkpoint, is logged, and ends with metrics.

    Keras' epochs are its rounds: the steps between two evaluations. The batches are one stream, whatever it is cut
    into.

    Args:
        folder: of `run_folder`, which has the run's config.json.
        model: compiled.
        train: the batches to train on.
        config: of the run.
        log: the class of its log.
        total_steps: of the whole run.
        per_round: steps between two evaluations.

    Raises CheckpointError: the checkpoints in the folder do not fit the model, or none of them is whole.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        model: TrainedModel,
        train: Batches | PretrainingBatches,
        config: RunConfig,
        log: type[RunLog],
        *,
        total_steps: int,
        per_round: int,
        **of_log: Any,
    ) -> None:
        self.folder, self.model, self.train, self._config = folder, model, train, config
        self.strategy = model.distribute_strategy
        self._plan = plan = {"per_round": per_round, "total_steps": total_steps}
        restore_from = pathlib.Path(config.out) / "checkpoints"
        self.state = RunState(folder / "checkpoints", model, every=config.save_every, restore_from=restore_from, **plan)
        self._finished = finished(pathlib.Path(config.out), config)
        if self._finished:
            self.state.step, self.state.notes = self._finished["step"], self._finished["notes"]
        else:
            self.state.restore()
        shown = is_chief(self.strategy)
        self.log = log(folder, train, self.state, every=config.log_every, shown=shown, **of_log, **plan)

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Where `fit` is called: a lost host is a TrainingError, and signals and files are given back at the end."""
        try:
            with lost_hosts(self.strategy, self.state):
                yield
        finally:
            self.state.release()
            self.log.close()

    def fit(self, callbacks: list[keras.callbacks.Callback]) -> None:
        """Trains from the state's step to the last one, or until a note says that the run has stopped."""
        notes = self.state.notes
        for first, last, steps in rounds(self.state.step, **self._plan):
            if self._finished or notes.get("stopped"):
                break
            self.model.fit(
                self.model.on_all_replicas(self.train, self.state.step + notes.get("skipped_batches", 0)),
                initial_epoch=first,
                epochs=last,
                steps_per_epoch=steps,
                total_steps=self._plan["total_steps"],
                callbacks=callbacks,
                verbose=0,
            )

    def history(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl."""
        return read_history(self.folder / "metrics.jsonl")

    def write_metrics(self, metrics: dict[str, float]) -> None:
        """Writes dev_metrics.json."""
        replace_json(self.folder / "dev_metrics.json", metrics, ensure_ascii=True)

    def finish(self) -> None:
        """Notes that the run is finished, and removes its checkpoints unless they are to be kept."""
        write_finished(self.folder, self._config, {"step": self.state.step, "notes": self.state.notes})
        if not self._config.keep_checkpoints:
            shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)


def rounds(step: int, per_round: int, total_steps: int) -> Iterator[tuple[int, int, int]]:
    """What `fit` is called with, (first round, last, steps of each): the rest of one, whole ones, a shorter last.

    >>> list(rounds(3, per_round=4, total_steps=14))
    [(0, 1, 1), (1, 3, 4), (3, 4, 2)]
    >>> list(rounds(14, per_round=4, total_steps=14))  # finished, in a short last round
    []
    """
    if step >= total_steps:
        return
    begun, end = step // per_round, total_steps // per_round
    if step % per_round:
        yield begun, begun + 1, min((begun + 1) * per_round, total_steps) - step
        begun += 1
    if begun < end:
        yield begun, end, per_round
    if begun <= end and total_steps % per_round:
        yield end, end + 1, total_steps % per_round
