"""A pretraining run: training, evaluation, the report, in a run folder that an interrupted run goes on in."""

import json
import pathlib

import tensorflow as tf

from tfbert.errors import TrainingError
from tfbert.files import replace_file
from tfbert.runs.callbacks.blow_up import BlowUp, BlowUpGuard
from tfbert.runs.callbacks.filled_masks import FilledMasks
from tfbert.runs.callbacks.save_model import SaveModel
from tfbert.runs.finetune import rounds
from tfbert.runs.folder import locked_run_folder, open_run_folder
from tfbert.runs.logs.history_file import read_history
from tfbert.runs.logs.pretrain_log import PretrainLog
from tfbert.runs.report.pretraining import write_pretraining_report
from tfbert.runs.state import RunState
from tfbert.training.optimizers.adamw import AdamW
from tfbert.training.optimizers.lamb import LAMB
from tfbert.training.strategy import folder_to_write, is_chief, lost_hosts
from tfbert.training.validation import Validation

_OPTIMIZERS = {"adamw": AdamW, "lamb": LAMB}
_MOST_SKIPS = 10  # of one run; a run that goes wrong again and again has another fault than a batch


def pretrain(model, train, dev, config):
    """Trains a `Pretrainer` and fills `config.out`; returns the held-out metrics of the last evaluation.

    The run folder holds config.json, metrics.jsonl, tensorboard/, checkpoints/, model/ (the last evaluation's),
    filled_masks.jsonl and report.html. A second call with the same folder goes on where the first was interrupted.

    Args:
        model: a `Pretrainer`, not yet compiled.
        train: `PretrainingBatches`.
        dev: held-out `PretrainingBatches`, or None.
        config: a `PretrainConfig`.

    Raises:
        ConfigError: the folder holds a run with other settings.
        DiskError: another program trains in it.
        DataError: a shard is damaged; it is named.
        TrainingError: the loss became NaN or blew up, and the last good checkpoint is kept; or another host has ended.
        KeyboardInterrupt: after ^C or SIGTERM (`Preempted`), with the run saved.
    """
    strategy = model.distribute_strategy
    with folder_to_write(strategy, config.out) as folder, locked_run_folder(folder):
        return _pretrain(model, train, dev, config, strategy, folder)


def _pretrain(model, train, dev, config, strategy, folder):
    open_run_folder(folder, config)
    with strategy.scope():
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
    plan = {"per_round": min(config.evaluate_every, config.steps), "total_steps": config.steps}
    restore_from = pathlib.Path(config.out) / "checkpoints"
    state = RunState(folder / "checkpoints", model, every=config.save_every, restore_from=restore_from, **plan)
    state.restore()
    logged = {"every": config.log_every, "peak_flops": config.peak_flops, "shown": is_chief(strategy)}
    log = PretrainLog(folder, train, state, **logged, **plan)
    callbacks = [log, BlowUpGuard(state, factor=config.blow_up), SaveModel(folder / "model"), state]
    if dev is not None:
        callbacks = [Validation(dev), FilledMasks(dev, folder / "filled_masks.jsonl", state), *callbacks]
    try:
        with lost_hosts(strategy, state):
            while not _trained(model, train, state, callbacks, plan, config):
                log.go_back()
    except tf.errors.OpError:
        for part in (train, dev):
            if part is not None:
                part.shards.check_files(sha256=True)  # names the shard, where it was a damaged one
        raise
    finally:
        state.release()
        log.close()
    if not is_chief(strategy):
        return {}
    history = read_history(folder / "metrics.jsonl")
    evaluated = [line for line in history if any(name.startswith("val_") for name in line)]
    metrics = {
        name.removeprefix("val_"): value
        for name, value in (evaluated or history)[-1].items()
        if dev is None or name.startswith("val_")
    }
    write_pretraining_report(folder, config=config.to_dict(), history=history, metrics=metrics, data=train.shards)
    with replace_file(folder / "dev_metrics.json") as file:
        file.write(json.dumps(metrics, indent=2) + "\n")
    return metrics


def _trained(model, train, state, callbacks, plan, config):
    """Trains to the end, or to a blow-up that is to be skipped: then the state is the last checkpoint's, and False."""
    try:
        for first, last, steps in rounds(state.step, **plan):
            model.fit(
                model.on_all_replicas(train, state.step + state.notes.get("skipped_batches", 0)),
                initial_epoch=first,
                epochs=last,
                steps_per_epoch=steps,
                total_steps=config.steps,
                callbacks=callbacks,
                verbose=0,
            )
        return True
    except BlowUp as fault:
        state.release()
        skipped, times = state.notes.get("skipped_batches", 0), state.notes.get("blow_ups", 0) + 1
        saved = state.newest
        if config.after_blow_up == "stop" or saved is None or times > _MOST_SKIPS:
            kept = (
                f"the checkpoint of step {saved} in {state.folder} is the last good one" if saved else "none is saved"
            )
            raise TrainingError(
                f"{fault}; {kept}. A lower learning rate or a longer warm-up may help, or --config.after_blow_up=skip, "
                "which goes back to that checkpoint and on behind the batches since"
            ) from None
        back = state.restore()
        state.notes.update(skipped_batches=skipped + fault.step - back, blow_ups=times)
        state.save()
        return False
