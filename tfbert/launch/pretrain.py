"""Pretrains BERT on the examples of `tfbert make-examples`; the same command goes on where it was interrupted:

tfbert pretrain --config=configs/pretrain/small_books.py --data='examples/*' --out=runs/small
tfbert pretrain --init_from=DIR --data='examples/*' --out=runs/adapted --config.steps=10000
"""

import pathlib

import keras
import tensorflow as tf
from absl import flags
from ml_collections import config_flags

import tfbert
from tfbert.data.masking import Masking
from tfbert.data.pretraining_batches import PretrainingBatches
from tfbert.data.shards import Shards, open_shards
from tfbert.errors import ConfigError, DataError
from tfbert.tasks.fill_mask import FillMask
from tfbert.training.finetune import open_run_folder
from tfbert.training.pretrain import pretrain
from tfbert.training.pretrain_config import PretrainConfig

_CONFIG = config_flags.DEFINE_config_file(
    "config",
    str(pathlib.Path(__file__).with_name("default_pretrain_config.py")),
    "A file of configs/pretrain/, or one of your own; --config.NAME=VALUE changes a setting.",
)
# Shorthands for the settings that differ in every run; all others are --config.NAME.
_SHORTHANDS = {
    "data": flags.DEFINE_string("data", None, "Examples of `tfbert make-examples`: a folder or a pattern."),
    "dev": flags.DEFINE_string("dev", None, "Held-out examples; by default the last shard of --data."),
    "out": flags.DEFINE_string("out", None, "Run folder."),
    "init_from": flags.DEFINE_string("init_from", None, "Checkpoint folder or hub id to go on from."),
    "dtype": flags.DEFINE_string("dtype", None, "float32, mixed_bfloat16 or mixed_float16."),
}


def main(argv):
    values = {name: flag.value for name, flag in _SHORTHANDS.items() if flag.value is not None}
    config = PretrainConfig.from_dict({**_CONFIG.value.to_dict(), **values})
    config.require("data", "out")
    shards, dev_shards = _shards(config)
    keras.utils.set_random_seed(config.seed)  # weights and dropout
    model = _model(config, shards)
    for part in (shards, dev_shards):
        if part is not None:
            part.check_tokenizer(model.task.tokenizer)
    masking = Masking.of_tokenizer(
        model.task.tokenizer,
        units=config.mask,
        rate=config.mask_rate,
        longest=config.mask_longest,
        max_predictions=config.max_predictions or round(config.mask_rate * shards.max_length),
    )
    train = PretrainingBatches(shards, masking, batch_size=config.batch_size, seed=config.seed)
    dev = dev_shards and PretrainingBatches(dev_shards, masking, batch_size=config.batch_size)
    open_run_folder(pathlib.Path(config.out), config)
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
        print(f"\n{config.out} is saved; the same command goes on from here", flush=True)
        raise
    except tf.errors.DataLossError as error:
        raise DataError(
            f"{config.data}: a shard is damaged ({error.message.splitlines()[0]}); make it anew with the same "
            "`tfbert make-examples`"
        ) from error
    print("  ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    print(f"model, metrics and report.html are in {config.out}")


def _shards(config):
    """The shards to train on, and the held-out ones or None."""
    shards = open_shards(config.data)
    if config.dev:
        return shards, open_shards(config.dev)
    if not config.dev_shards:
        return shards, None
    if len(shards.shards) <= config.dev_shards:
        raise ConfigError(
            f"{config.data} has {len(shards.shards)} shards, and dev_shards={config.dev_shards} of them are to be held "
            "out; name --dev, make more shards, or give --config.dev_shards=0"
        )
    cut = len(shards.shards) - config.dev_shards
    return tuple(Shards(shards.folder, shards.manifest, part) for part in (shards.shards[:cut], shards.shards[cut:]))


def _model(config, shards):
    settings = {"max_length": shards.max_length, "next_sentence": shards.objective != "none"}
    if config.init_from:
        return tfbert.Pretrainer.from_checkpoint(config.init_from, dtype=config.dtype, **settings)
    tokenizer = tfbert.Tokenizer.from_folder(shards.folder)
    keys = {"vocab_size": len(tokenizer.vocabulary), **config.encoder}
    encoder = tfbert.BertConfig.of_size(config.size, **keys)
    if shards.max_length > encoder.max_position_embeddings:
        raise ConfigError(
            f"{config.data} has rows of {shards.max_length} tokens, the encoder {encoder.max_position_embeddings} "
            f"positions; give --config.encoder.max_position_embeddings={shards.max_length}"
        )
    return tfbert.Pretrainer(FillMask(tokenizer, **settings), encoder, dtype=config.dtype)
