"""A fine-tuning run: training, the best model, the report."""

from __future__ import annotations

import pathlib
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfbert.data.batching.batches import Batches
from tfbert.errors import ConfigError
from tfbert.runs.bad_rows import skipped_rows, write_bad_rows
from tfbert.runs.callbacks.best_model import BestModel
from tfbert.runs.configs.finetune import FinetuneConfig
from tfbert.runs.data_check import check_data, of_examples, of_task
from tfbert.runs.folder import open_run_folder
from tfbert.runs.logs.finetune_log import FinetuneLog
from tfbert.runs.report.report import write_report
from tfbert.runs.run import Run, run_folder
from tfbert.training.optimizers.adamw import AdamW
from tfbert.training.strategy import is_chief
from tfbert.training.validation import Validation

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.models.task_model import TaskModel


def finetune(
    model: TaskModel,
    train: Batches,
    dev: Batches,
    config: FinetuneConfig,
    tables: Mapping[str, Table] = types.MappingProxyType({}),
) -> dict[str, float]:
    """Trains a task model and fills `config.out`; returns the dev metrics of the best evaluation.

    The run folder holds config.json, data.json, metrics.jsonl, tensorboard/, checkpoints/, model/ (the best
    evaluation's), dev_metrics.json, report.html and, of rows that were left out, bad_rows.jsonl. A second call with the
    same folder resumes where the first was interrupted. A finished run has finished.json, and no checkpoints unless
    `config.keep_checkpoints`.

    Args:
        model: a task model, not yet compiled.
        train, dev: batches of labelled examples; see `batches_of`.
        tables: what "train" and "dev" were read from, with the rows that were left out.

    Returns: {} on all hosts but the first.

    Raises:
        ConfigError: the folder holds a run with other settings or of other data; dev has no such metric.
        DiskError: another program trains in it.
        TrainingError: another host has ended.
        KeyboardInterrupt: after ^C or SIGTERM (`Preempted`), with the run saved.
    """
    strategy = model.distribute_strategy
    with run_folder(strategy, config) as folder:
        _compile(model, config)
        _check_metric(model, dev, config)
        open_run_folder(folder, config)
        check_data(folder, _data(model, train, dev, config), allow_changed=config.allow_changed_data)
        write_bad_rows(folder / "bad_rows.jsonl", tables)
        plan = {
            "total_steps": train.steps_per_epoch * config.epochs,
            "per_round": config.evaluate_every or train.steps_per_epoch,
        }
        run = Run(folder, model, train, config, FinetuneLog, **plan)
        best = BestModel(folder / "model", run.state, metric=config.metric, patience=config.patience)
        with run.under_way():
            run.fit([Validation(dev), best, run.log, run.state])
        if not is_chief(strategy):
            return {}
        metrics = _finish(type(model), run, dev, config, tables)
        run.finish()
        return metrics


def _compile(model, config):
    with model.distribute_strategy.scope():
        optimizer = AdamW(
            config.learning_rate,
            warmup=config.warmup,
            weight_decay=config.weight_decay,
            clip_norm=config.clip_norm or None,
        )
        model.compile(
            optimizer,
            metrics=[],
            accumulation=config.accumulation,
            jit_compile=config.jit_compile,
            steps_per_execution=config.steps_per_execution,
        )


def _data(model, train, dev, config):
    return {
        "train": of_examples(config.train, train),
        "dev": of_examples(config.dev, dev),
        **of_task(config.checkpoint, model.task),
    }


def _check_metric(model, dev, config):
    """Raises a ConfigError for a metric that dev does not have, before any training and before there is a folder."""
    if config.metric in ("", "loss"):
        return
    few = batches_of({name: values[:2] for name, values in dev.examples.items()}, model, config, shuffle=False)
    metrics, _ = model.evaluate_answers(few)
    if config.metric not in metrics:
        raise ConfigError(f"there is no dev metric {config.metric!r}; there are {', '.join(metrics)}")


def batches_of(examples: dict[str, Any], model: TaskModel, config: FinetuneConfig, *, shuffle: bool = True) -> Batches:
    """The batches of a run: to train with, or without `shuffle` to evaluate.

    Args:
        examples: the columns of `task.examples`.

    Raises:
        ConfigError: the task has no batches of static shape, which the config or a TPU asks for.
    """
    static = isinstance(model.distribute_strategy, tf.distribute.TPUStrategy)
    if shuffle:  # an evaluation is not compiled but for a TPU
        static = static or config.static_shapes or config.jit_compile
    if static and model.task.has_several_texts:
        raise ConfigError(
            f"task {config.task} has no batches of static shape, which TPUs, jit_compile and static_shapes need"
        )
    return Batches(
        examples,
        model.task.features,
        model.task.target,
        batch_size=config.batch_size,
        seed=config.seed,
        shuffle=shuffle,
        static_length=config.max_length if static else 0,
        parts=config.accumulation,
    )


def _finish(model_class, run, dev, config, tables):
    """Evaluates the best model, chooses what is chosen on dev, and writes the metrics and the report."""
    folder: pathlib.Path = run.folder
    model = model_class.from_checkpoint(folder / "model", dtype=config.dtype)
    model.load_report.check_whole(folder / "model")
    model.compile(metrics=[])
    _, answers = model.evaluate_answers(dev)
    tuned = model.task.tuned_on(dev.examples, answers)
    if tuned is not model.task:
        model.set_task(tuned)
        model.save(folder / "model")
        _, answers = model.evaluate_answers(dev)
    metrics = model.task.metrics(dev.examples, answers)
    skipped = skipped_rows(tables["dev"]) if "dev" in tables else {}
    write_report(
        folder / "report.html",
        title=folder.name,
        config=config.to_dict(),
        history=run.history(),
        evaluation=model.task.evaluation(dev.examples, answers, token_lengths=dev.lengths, data=config.dev),
        **skipped,
    )
    metrics = {**metrics, **skipped}
    run.write_metrics(metrics)
    return metrics
