"""ReplacedTokenDetector: replaced-token detection as a Keras model.

Shapes: B rows, S tokens, P predictions of a row, V vocabulary.
"""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING, Any, Self, Unpack

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from tfbert.encoders import families
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.encoder import Encoder
from tfbert.encoders.weight_table import relative_variables
from tfbert.errors import CheckpointError, VocabularyError
from tfbert.models.pretrainer import Pretrainer
from tfbert.models.settings import ReplacedTokenDetectorSettings
from tfbert.tasks.fill_mask.task import FillMask
from tfbert.tasks.replaced_tokens.task import ReplacedTokens
from tfbert.training.replaced_tokens_step import ReplacedTokensStep

if TYPE_CHECKING:
    from tfbert.data.pretraining.shards import Shards

GENERATOR = "generator"  # the folder of a saved model that holds it


@keras.saving.register_keras_serializable("tfbert")
class ReplacedTokenDetector(Pretrainer):
    """Learns to tell which tokens a generator has replaced; `predict` says it of each token of texts.

    The discriminator is `network`. The generator is a smaller masked language model, `generator`, a `Pretrainer` that
    shares the discriminator's embeddings; the first `compile` makes one of random weights where there is none yet.

    `fit` and `evaluate` take what those of `Pretrainer` do, with draws float [B, P], uniform in [0, 1), from which the
    replacements are drawn: `PretrainingBatches` has them, as a function of (seed, step). Metrics: the generator's
    mlm_loss and mlm_accuracy; of the discriminator rtd_loss and rtd_accuracy, and rtd_precision and rtd_recall of
    replaced tokens. Source: Clark et al. 2020.

    `save` writes the discriminator, which every other model reads, and the generator into the folder generator/.

    >>> family = families.telling_replaced_tokens()[0]
    >>> model = ReplacedTokenDetector.of_size("tiny", tokenizer, encoder={"model_type": family})
    >>> model.predict(["where is my order"])[0]["tokens"][0].keys()
    dict_keys(['token', 'replaced'])
    """

    task_class = ReplacedTokens
    step_class = ReplacedTokensStep

    if TYPE_CHECKING:  # the settings by name

        @classmethod
        def from_checkpoint(cls, name: Any, **settings: Unpack[ReplacedTokenDetectorSettings]) -> Self: ...

    def __init__(self, task: ReplacedTokens, encoder: Any, *, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(task, encoder, dtype=dtype, **kwargs)
        self.generator: Pretrainer | None = None
        if not isinstance(encoder, Encoder):
            self.encoder.has_trained_pooler = False  # which this task leaves as it was drawn

    def metric_names(self) -> list[str]:
        return ["mlm_loss", "mlm_accuracy", "rtd_loss", "rtd_accuracy", "rtd_precision", "rtd_recall"]

    @classmethod
    def settings_of_checkpoint(cls, source: Any, given: dict[str, Any]) -> dict[str, Any]:
        return {}

    @classmethod
    def settings_of_examples(cls, shards: Shards) -> dict[str, Any]:
        return {"max_length": shards.max_length}

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Features -> logits float32 [B, S] of tokens that were replaced."""
        return self.network(features, training=training)

    def token_logits(self, features: dict[str, tf.Tensor]) -> tf.Tensor:
        """The generator's logits at the masked places, float32 [B, P, V]."""
        return self.generator.token_logits(features)

    def flops_per_token(self, length: float, predictions: float) -> float:
        return self.encoder.flops_per_token(length, 0) + self.generator.encoder.flops_per_token(length, predictions)

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        if self.generator is None:
            if self.load_report is not None:
                logging.info("there is no generator in %s; it starts from random numbers", self.load_report.found)
            self.make_generator()
        super().compile(optimizer, **kwargs)

    # the generator

    def make_generator(self, config: EncoderConfig | None = None) -> None:
        """Gives the model a generator of random weights, of `generator_size` or of another configuration.

        Raises ConfigError: no generator can have that size.
        """
        encoder = self.encoder.with_same_embeddings(config or self.encoder.config.scaled(self.task.generator_size))
        encoder.build()
        encoder.has_trained_pooler = False
        masks = FillMask(self.task.tokenizer, max_length=self.task.max_length, next_sentence=False, top_k=1)
        self.generator = Pretrainer(masks, encoder, dtype=self.dtype_policy)

    def load_generator(self, name: str | os.PathLike) -> None:
        """Gives the model the generator of a checkpoint, a folder or hub id of a masked language model.

        The embeddings stay those of the discriminator.

        Raises:
            CheckpointError: it is of another family, its embeddings have other sizes, or it lacks the head.
            VocabularyError: it has another vocabulary.
        """
        loaded = Pretrainer.from_checkpoint(name, next_sentence=False, unused_embeddings=True)
        loaded.load_report.check_whole(name)
        self._check_generator(loaded, name)
        self.make_generator(loaded.encoder.config)
        ours, theirs = (_variables(model.network) for model in (self.generator, loaded))
        shared = {id(variable) for variable in self.encoder.weights}
        differ = [
            path
            for path, variable in ours.items()
            if id(variable) in shared and not np.array_equal(variable, theirs[path])
        ]
        if differ:
            logging.warning("%s: %s are not the discriminator's, whose are taken", name, ", ".join(differ))
        for path, variable in ours.items():
            if id(variable) not in shared:
                variable.assign(theirs[path])

    def _check_generator(self, loaded, name):
        ours, theirs = self.encoder.config, loaded.encoder.config
        if type(ours) is not type(theirs):
            raise CheckpointError(
                f"{name} is of {families.family_of(theirs).name}, and the discriminator is of "
                f"{families.family_of(ours).name}; they share their embeddings, so both must be of one family"
            )
        for size in ("vocab_size", "embedding_width", "max_position_embeddings", "type_vocab_size"):
            one, other = getattr(theirs, size), getattr(ours, size)
            if one != other:
                raise CheckpointError(
                    f"{name} has {size} {one}, the discriminator {other}; they share their embeddings, so take a "
                    "generator that was trained with it, or none"
                )
        if list(loaded.task.tokenizer.vocabulary) != list(self.task.tokenizer.vocabulary):
            raise VocabularyError(
                f"{name} has another vocabulary than the discriminator; take one of the same, or none"
            )

    # disk

    def write_further_files(self, folder: Any) -> None:
        if self.generator is not None:
            self.generator.save(pathlib.Path(folder) / GENERATOR)

    def read_further_files(self, folder: Any) -> None:
        if (path := pathlib.Path(folder) / GENERATOR).exists():
            self.load_generator(path)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.generator is not None:
            encoder = self.generator.encoder.config
            config["generator"] = {"model_type": encoder.model_type, **encoder.to_dict()}
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        model = super().from_config(config)
        if "generator" in config:
            model.make_generator(families.config_from(config["generator"]))
        return model


def _variables(network):
    """{path: variable} of a network of masks: its encoder's and its head's."""
    return {
        f"{layer.name}/{path}": variable
        for layer in (network.encoder, network.predictions)
        for path, variable in relative_variables(layer).items()
    }
