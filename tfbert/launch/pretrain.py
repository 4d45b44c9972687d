"""Pretrains an encoder on the examples of `tfbert make-examples`; the same command resumes a run that was interrupted:

tfbert pretrain --config=configs/pretrain/small_books.py --data='examples/*' --out=runs/small
tfbert pretrain --init_from=DIR --data='examples/*' --out=runs/adapted --config.steps=10000
"""

import pathlib

from absl import flags

from tfbert.launch.config_flag import define_config
from tfbert.launch.strategy_flags import strategy_of_flags
from tfbert.runs.configs.pretrain import PretrainConfig

_CONFIG = define_config(
    str(pathlib.Path(__file__).with_name("default_pretrain_config.py")),
    "A file of configs/pretrain/, or one of your own; --config.NAME=VALUE changes a setting, "
    "--config.encoder.NAME=VALUE one of the encoder.",
)
SETTINGS = tuple(PretrainConfig().to_dict())
# Shorthands for the settings that differ in every run; all others are --config.NAME.
_SHORTHANDS = {
    "data": flags.DEFINE_string("data", None, "Examples of `tfbert make-examples`: a folder or a pattern."),
    "dev": flags.DEFINE_string("dev", None, "Held-out examples; by default the last shard of --data."),
    "out": flags.DEFINE_string("out", None, "Run folder."),
    "init_from": flags.DEFINE_string(
        "init_from", None, "Checkpoint folder or hub id to start from; else random weights."
    ),
    "dtype": flags.DEFINE_string("dtype", None, "float32, mixed_bfloat16 or mixed_float16."),
}


def main(argv: list[str]) -> None:
    values = {name: flag.value for name, flag in _SHORTHANDS.items() if flag.value is not None}
    config = PretrainConfig.from_dict({**_CONFIG.value.to_dict(), **values})
    config.require("data", "out")

    from tfbert.runs.folder import check_run_folder, finished
    from tfbert.runs.pretrain import pretrain
    from tfbert.runs.pretrain_inputs import model_and_batches
    from tfbert.training.strategy import is_chief

    strategy = strategy_of_flags()
    with strategy.scope():
        model, train, dev = model_and_batches(config)
    shards = train.shards
    if is_chief(strategy):
        check_run_folder(pathlib.Path(config.out), config)
        if finished(pathlib.Path(config.out), config):
            print(f"the run in {config.out} is finished; nothing is trained again")
    if model.load_report and model.load_report.missing:
        print(f"not in the checkpoint, trained from random: {', '.join(model.load_report.missing)}")
    print(
        f"{len(train):,} training and {len(dev) if dev else 0:,} held-out rows, {shards.tokens:,} tokens "
        f"({shards.tokens / (shards.rows * shards.max_length):.1%} of the places in rows), "
        f"{config.steps / train.steps_per_epoch:.1f} epochs",
        flush=True,
    )
    try:
        metrics = pretrain(model, train, dev, config)
    except KeyboardInterrupt:
        print(f"\n{config.out} is saved; the same command resumes from here", flush=True)
        raise
    if not is_chief(strategy):
        return
    print("  ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    print(f"model, metrics and report.html are in {config.out}")
