"""A fine-tuning run: training, the best model, the report, in a run folder that an interrupted run goes on in."""

import json
import pathlib

import tensorflow as tf

from tfbert.data.batching.batches import Batches
from tfbert.errors import ConfigError
from tfbert.files import replace_file
from tfbert.runs.callbacks.best_model import BestModel
from tfbert.runs.folder import locked_run_folder, open_run_folder
from tfbert.runs.logs.history_file import read_history
from tfbert.runs.logs.metrics_log import MetricsLog
from tfbert.runs.report.report import write_report
from tfbert.runs.state import RunState
from tfbert.training.optimizers.adamw import AdamW
from tfbert.training.strategy import folder_to_write, is_chief, lost_hosts


def finetune(model, train, dev, config):
    """Trains a task model and fills `config.out`; returns the dev metrics of the best evaluation.

    The run folder holds config.json, metrics.jsonl, tensorboard/, checkpoints/, model/ (the best evaluation's)
    and report.html. A second call with the same folder goes on where the first was interrupted.

    Args:
        model: a task model, not yet compiled.
        train, dev: `Batches` of labelled examples.
        config: a `FinetuneConfig`.

    Raises:
        ConfigError: the folder holds a run with other settings; dev has no such metric.
        DiskError: another program trains in it.
        TrainingError: another host has ended.
        KeyboardInterrupt: after ^C or SIGTERM (`Preempted`), with the run saved.
    """
    strategy = model.distribute_strategy
    with folder_to_write(strategy, config.out) as folder, locked_run_folder(folder):
        return _finetune(model, train, dev, config, strategy, folder)


def _finetune(model, train, dev, config, strategy, folder):
    with strategy.scope():
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
    _check_metric(model, dev, config)
    open_run_folder(folder, config)
    total = train.steps_per_epoch * config.epochs
    # Keras' epochs are the rounds between evaluations: the batches are one stream, whatever it is cut into.
    per_round = config.evaluate_every or train.steps_per_epoch
    plan = {"per_round": per_round, "total_steps": total}
    restore_from = pathlib.Path(config.out) / "checkpoints"
    state = RunState(folder / "checkpoints", model, every=config.save_every, restore_from=restore_from, **plan)
    step = state.restore()
    log = MetricsLog(folder, train, state, every=config.log_every, shown=is_chief(strategy), **plan)
    best = BestModel(folder / "model", state, metric=config.metric, patience=config.patience)
    try:
        for first, last, steps in rounds(step, **plan):
            if state.notes.get("stopped"):
                break
            with lost_hosts(strategy, state):
                model.fit(
                    model.on_all_replicas(train, state.step),
                    validation_data=dev,
                    initial_epoch=first,
                    epochs=last,
                    steps_per_epoch=steps,
                    total_steps=total,
                    callbacks=[best, log, state],
                    verbose=0,
                )
    finally:
        state.release()
        log.close()
    return _finish(model, dev, config, folder) if is_chief(strategy) else {}


def _check_metric(model, dev, config):
    """Tells of a metric that dev does not have before any training, and before a folder has it in its config."""
    if config.metric in ("", "loss"):
        return
    few = batches_of({name: values[:2] for name, values in dev.examples.items()}, model, config, shuffle=False)
    metrics, _ = model.evaluate_answers(few)
    if config.metric not in metrics:
        raise ConfigError(f"there is no dev metric {config.metric!r}; there are {', '.join(metrics)}")


def batches_of(examples, model, config, *, shuffle=True):
    """The `Batches` of a run: to train with, or without `shuffle` to evaluate.

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


def rounds(step, per_round, total_steps):
    """What `fit` is called with, (first round, last, steps of each): the rest of one, whole ones, a shorter last."""
    begun, end = step // per_round, total_steps // per_round
    if step % per_round:
        yield begun, begun + 1, min((begun + 1) * per_round, total_steps) - step
        begun += 1
    if begun < end:
        yield begun, end, per_round
    if begun <= end and total_steps % per_round and step < total_steps:
        yield end, end + 1, total_steps % per_round


def _finish(model, dev, config, folder):
    """Evaluates the best model, chooses what is chosen on dev, and writes the report."""
    model = type(model).from_checkpoint(folder / "model", dtype=config.dtype)
    model.load_report.check_whole(folder / "model")
    model.compile(metrics=[])
    _, answers = model.evaluate_answers(dev)
    tuned = model.task.tuned_on(dev.examples, answers)
    if tuned is not model.task:
        model.set_task(tuned)
        model.save(folder / "model")
        _, answers = model.evaluate_answers(dev)
    metrics = model.task.metrics(dev.examples, answers)
    write_report(
        folder / "report.html",
        title=folder.name,
        config=config.to_dict(),
        history=read_history(folder / "metrics.jsonl"),
        evaluation=model.task.evaluation(dev.examples, answers, token_lengths=dev.lengths, data=config.dev),
    )
    with replace_file(folder / "dev_metrics.json") as file:
        file.write(json.dumps(metrics, indent=2) + "\n")
    return metrics
