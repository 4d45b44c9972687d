"""What a pretraining run starts with: the model, and batches to train on and to hold out."""

from __future__ import annotations

import pathlib

import keras
import tensorflow as tf

from tfbert.data.pretraining.batches import PretrainingBatches
from tfbert.data.pretraining.masking import Masking
from tfbert.data.pretraining.shards import Shards, open_shards
from tfbert.errors import ConfigError
from tfbert.models import model_class
from tfbert.models.pretrainer import Pretrainer
from tfbert.runs.configs.pretrain import PretrainConfig
from tfbert.temporary import temporary_folder
from tfbert.text import Tokenizer
from tfbert.text.folder import FILES


def model_and_batches(
    config: PretrainConfig,
) -> tuple[Pretrainer, PretrainingBatches, PretrainingBatches | None]:
    """A `Pretrainer` whose weights and dropout are a function of the seed, and `PretrainingBatches`.

    Returns:
        The model, batches to train on, and held-out batches or None.

    Raises:
        ConfigError, DataError, VocabularyError: the examples are missing, damaged, or of another vocabulary.

    >>> model, train, dev = model_and_batches(PretrainConfig(data="examples", size="tiny"))
    """
    shards, dev_shards = _shards(config)
    keras.utils.set_random_seed(config.seed)
    model = _model(config, shards)
    for part in (shards, dev_shards):
        if part is not None:
            part.check_tokenizer(model.task.tokenizer)
    _check_segments(config, shards, model.encoder)
    masking = Masking.of_tokenizer(
        model.task.tokenizer,
        units=config.mask,
        rate=config.mask_rate,
        longest=config.mask_longest,
        max_predictions=config.max_predictions or round(config.mask_rate * shards.max_length),
        **dict(zip(("share_mask", "share_kept"), model.task.mask_shares, strict=True)),
    )
    train = PretrainingBatches(shards, masking, batch_size=config.batch_size, seed=config.seed)
    return model, train, dev_shards and PretrainingBatches(dev_shards, masking, batch_size=config.batch_size)


def _check_segments(config, shards, encoder):
    """Raises ConfigError: the rows are pairs, and the encoder has a single segment, which would read as none."""
    segments = getattr(encoder.config, "type_vocab_size", 2)
    if shards.objective != "none" and "segment_ids" in encoder.input_names and segments < 2:
        raise ConfigError(
            f"{config.data} has pairs of two segments, and the encoder's type_vocab_size is {segments}; give "
            "--config.encoder.type_vocab_size=2, or make examples with --objective=none"
        )


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
    kind = model_class(config.task)
    settings = {**kind.settings_of_examples(shards), **config.settings}
    if config.init_from:
        settings["unused_embeddings"] = config.unused_embeddings
        return kind.from_checkpoint(config.init_from, dtype=config.dtype, **settings)
    model = kind.of_size(config.size, _tokenizer(shards.folder), encoder=config.encoder, dtype=config.dtype, **settings)
    longest = model.encoder.max_tokens
    if shards.max_length > longest:
        needed = shards.max_length + model.encoder.config.max_position_embeddings - longest
        raise ConfigError(
            f"{config.data} has rows of {shards.max_length} tokens, the encoder reads {longest}; "
            f"give --config.encoder.max_position_embeddings={needed}"
        )
    return model


def _tokenizer(folder):
    """The tokenizer beside the examples, which may be remote, such as gs://…."""
    if pathlib.Path(folder).is_dir():
        return Tokenizer.from_folder(folder)
    with temporary_folder() as copy:
        for name in FILES:
            if tf.io.gfile.exists(f"{folder}/{name}"):
                tf.io.gfile.copy(f"{folder}/{name}", f"{copy}/{name}")
        return Tokenizer.from_folder(copy)
