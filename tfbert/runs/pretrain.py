"""A pretraining run: training, evaluation on held-out rows, what to do when the loss blows up, the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from tfbert.errors import TrainingError
from tfbert.runs.callbacks.blow_up import BlowUp, BlowUpGuard
from tfbert.runs.callbacks.filled_masks import FilledMasks
from tfbert.runs.callbacks.save_model import SaveModel
from tfbert.runs.configs.pretrain import PretrainConfig
from tfbert.runs.data_check import check_data, of_shards, of_tokenizer
from tfbert.runs.folder import open_run_folder
from tfbert.runs.logs.pretrain_log import PretrainLog
from tfbert.runs.report.pretraining import write_pretraining_report
from tfbert.runs.run import Run, run_folder
from tfbert.training.optimizers.adamw import AdamW
from tfbert.training.optimizers.lamb import LAMB
from tfbert.training.strategy import is_chief
from tfbert.training.validation import Validation

if TYPE_CHECKING:
    from tfbert.data.pretraining.batches import PretrainingBatches
    from tfbert.models.pretrainer import Pretrainer

_OPTIMIZERS = {"adamw": AdamW, "lamb": LAMB}
_MOST_SKIPS = 10  # of one run; a run that blows up again and again has another fault than a batch


def pretrain(
    model: Pretrainer, train: PretrainingBatches, dev: PretrainingBatches | None, config: PretrainConfig
) -> dict[str, float]:
    """Trains a `Pretrainer` and fills `config.out`; returns the held-out metrics of the last evaluation.

    The run folder holds config.json, data.json, metrics.jsonl, tensorboard/, checkpoints/, model/ (the last
    evaluation's), filled_masks.jsonl, dev_metrics.json and report.html. A second call with the same folder resumes
    where the first was interrupted. A finished run has finished.json, and no checkpoints unless
    `config.keep_checkpoints`.

    Args:
        model: not yet compiled.
        dev: held-out batches, or None.

    Returns: {} on all hosts but the first.

    Raises:
        ConfigError: the folder holds a run with other settings or of other examples.
        DiskError: another program trains in it.
        DataError: a shard is damaged; it is named.
        TrainingError: the loss became NaN or blew up, and the last good checkpoint is kept; or another host has ended.
        KeyboardInterrupt: after ^C or SIGTERM (`Preempted`), with the run saved.
    """
    strategy = model.distribute_strategy
    with run_folder(strategy, config) as folder:
        open_run_folder(folder, config)
        check_data(folder, _data(model, train, dev, config), allow_changed=config.allow_changed_data)
        _compile(model, config)
        plan = {"total_steps": config.steps, "per_round": min(config.evaluate_every, config.steps)}
        run = Run(folder, model, train, config, PretrainLog, peak_flops=config.peak_flops, **plan)
        guard = BlowUpGuard(run.state, factor=config.blow_up)
        callbacks = [run.log, guard, SaveModel(folder / "model"), run.state]
        if dev is not None:
            callbacks = [Validation(dev), FilledMasks(dev, folder / "filled_masks.jsonl", run.state), *callbacks]
        try:
            with run.under_way():
                _fit(run, callbacks, config)
        except tf.errors.OpError:
            for batches in (train, dev):
                if batches is not None:
                    batches.shards.check_files(sha256=True)  # names the shard, where it was a damaged one
            raise
        if not is_chief(strategy):
            return {}
        metrics = _finish(run, dev, config)
        run.finish()
        return metrics


def _data(model, train, dev, config):
    found = {"train": of_shards(config.data, train.shards)}
    if dev is not None:
        found["dev"] = of_shards(config.dev or config.data, dev.shards)
    return {**found, "tokenizer": of_tokenizer(config.init_from or config.data, model.task.tokenizer)}


def _compile(model, config):
    with model.distribute_strategy.scope():
        optimizer = _OPTIMIZERS[config.optimizer](
            config.learning_rate,
            warmup=config.warmup,
            power=config.power,
            weight_decay=config.weight_decay,
            beta_2=config.beta_2,
            epsilon=config.epsilon,
            clip_norm=config.clip_norm or None,
        )
        model.compile(
            optimizer,
            accumulation=config.accumulation,
            jit_compile=config.jit_compile,
            steps_per_execution=config.steps_per_execution,
        )


def _fit(run, callbacks, config):
    """Trains to the end. Where the loss blows up it resumes from the last checkpoint, or raises TrainingError."""
    while True:
        try:
            return run.fit(callbacks)
        except BlowUp as blow_up:
            run.state.release()
            _return_to_checkpoint(run.state, blow_up, config)
            run.log.return_to_state()


def _return_to_checkpoint(state, blow_up, config):
    """Restores the last checkpoint, and notes which batches to skip. Raises TrainingError where that is not to be."""
    skipped, times = state.notes.get("skipped_batches", 0), state.notes.get("blow_ups", 0) + 1
    saved = state.newest
    if config.after_blow_up == "stop" or saved is None or times > _MOST_SKIPS:
        kept = f"the checkpoint of step {saved} in {state.folder} is the last good one" if saved else "none is saved"
        raise TrainingError(
            f"{blow_up}; {kept}. A lower learning rate or a longer warm-up may help, or --config.after_blow_up=skip, "
            "which resumes from that checkpoint and skips the batches since"
        ) from None
    step = state.restore()
    state.notes.update(skipped_batches=skipped + blow_up.step - step, blow_ups=times)
    state.save()


def _finish(run, dev, config):
    """Writes the metrics of the last evaluation, and the report."""
    history = run.history()
    evaluated = [line for line in history if any(name.startswith("val_") for name in line)]
    metrics = {
        name.removeprefix("val_"): value
        for name, value in (evaluated or history)[-1].items()
        if dev is None or name.startswith("val_")
    }
    write_pretraining_report(
        run.folder, config=config.to_dict(), history=history, metrics=metrics, data=run.train.shards
    )
    run.write_metrics(metrics)
    return metrics
