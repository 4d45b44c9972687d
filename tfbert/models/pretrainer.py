"""Pretrainer: masked language modelling as a Keras model.

Shapes: B rows, S tokens, P predictions of a row, C sequences of a packed row, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

import keras
import tensorflow as tf

from tfbert.data.pretraining.batches import PretrainingBatches
from tfbert.encoders import families
from tfbert.models.settings import PretrainerSettings
from tfbert.models.text_model import TextModel
from tfbert.tasks.fill_mask.task import FillMask
from tfbert.tasks.task import Task
from tfbert.text import Tokenizer
from tfbert.training.masked_step import MaskedRowsStep
from tfbert.training.optimizers.adamw import AdamW

if TYPE_CHECKING:
    from tfbert.data.pretraining.shards import Shards


@keras.saving.register_keras_serializable("tfbert")
class Pretrainer(TextModel):
    """Learns from masked rows of tokens; `predict` fills in the masks of texts.

    `fit` and `evaluate` take `PretrainingBatches`, or a `tf.data.Dataset` of what these give: dicts of token_ids,
    segment_ids, padding_mask int [B, S], masked_positions and masked_ids int [B, P], masked_weights float [B, P]. Data
    with pairs also have pair_labels int [B, C] and pair_weights float [B, C]; packed rows also have position_ids and
    sequence_ids int [B, S] and pair_positions int [B, C].

    The loss is the mean over all predictions of a batch plus the mean over all its pairs, whatever the number of
    micro-batches and replicas that compute it. Source: Devlin et al. 2018, section 3.1 and A.2.

    >>> model = Pretrainer.of_size("tiny", tokenizer)
    >>> model.predict(["where is my [MASK]"])[0].keys()
    dict_keys(['masks'])
    """

    task_class = FillMask
    step_class = MaskedRowsStep

    if TYPE_CHECKING:  # the settings by name

        @classmethod
        def from_checkpoint(cls, name: Any, **settings: Unpack[PretrainerSettings]) -> Self: ...

    def __init__(self, task: Task, encoder: Any, *, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(task, encoder, dtype=dtype, **kwargs)
        self._means = {name: keras.metrics.Mean(name=name) for name in [*self.metric_names(), "gradient_norm"]}

    def metric_names(self) -> list[str]:
        """What its step measures."""
        return ["mlm_loss", "mlm_accuracy", *(["nsp_loss", "nsp_accuracy"] if self.task.next_sentence else [])]

    @classmethod
    def of_size(
        cls, size: str, tokenizer: Tokenizer, *, dtype: Any = None, encoder: dict | None = None, **settings: Any
    ) -> Pretrainer:
        """A model with random weights.

        Args:
            size: of the encoder: tiny, mini, small, medium, base or large.
            encoder: fields of the encoder's configuration that differ from the size's.
            settings: of the task, `tfbert.tasks.fill_mask.task.FillMask`, such as next_sentence=False.

        >>> Pretrainer.of_size("tiny", tokenizer, next_sentence=False).encoder.hidden_size
        128
        """
        of_tokenizer = {"vocab_size": len(tokenizer.vocabulary), "pad_token_id": tokenizer.padding_id}
        config = families.config_of_size(size, **{**of_tokenizer, **(encoder or {})})
        settings.setdefault("max_length", min(cls.task_class.max_length, config.max_tokens))
        return cls(cls.task_class.from_settings(settings, tokenizer), config, dtype=dtype)

    @classmethod
    def settings_of_examples(cls, shards: Shards) -> dict[str, Any]:
        """The settings of the task that examples of `tfbert make-examples` ask for."""
        return {"max_length": shards.max_length, "next_sentence": shards.objective != "none"}

    @classmethod
    def settings_of_checkpoint(cls, source: Any, given: dict[str, Any]) -> dict[str, Any]:
        return {"next_sentence": "seq_relationship" in source.heads()}

    @property
    def encoder(self) -> Any:
        return self.network.encoder

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self._means.values())

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> dict[str, tf.Tensor]:
        """Features -> token_logits float32 [B, P, V] and, with a next-sentence head, pair_logits [B, (C), 2]."""
        return self.network(features, training=training)

    def token_logits(self, features: dict[str, tf.Tensor]) -> tf.Tensor:
        """Features of masked rows -> the logits of all tokens at the masked places, float32 [B, P, V]."""
        return self(features, training=False)["token_logits"]

    def flops_per_token(self, length: float, predictions: float) -> float:
        """Floating-point operations of training per token; the arguments are those of the encoder's method."""
        return self.encoder.flops_per_token(length, predictions)

    def compile(self, optimizer: Any = None, *, accumulation: int = 1, **kwargs: Any) -> None:
        """As Keras' `compile`; loss and metrics are those of pretraining.

        Args:
            accumulation: equal micro-batches in which a batch is computed, to bound memory; the result is the same.
        """
        if accumulation < 1:
            raise ValueError(f"accumulation must be positive, not {accumulation}")
        self.step = self.step_class(self, self._means, accumulation=accumulation)
        super().compile(AdamW() if optimizer is None else optimizer, **kwargs)

    def fit(
        self,
        x: PretrainingBatches | tf.data.Dataset = None,
        y: None = None,
        batch_size: None = None,
        epochs: int = 1,
        *,
        steps_per_epoch: int | None = None,
        initial_epoch: int = 0,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """As Keras' `fit`, on `PretrainingBatches` or a `tf.data.Dataset` of the same; see the class.

        Args:
            y, batch_size: must be None; the batches have their own targets and size.
            kwargs: of Keras' `fit`, and `total_steps`: the steps of the whole learning-rate schedule, counted from step
                0, for a run that calls `fit` several times.
        """
        self.require_compiled("fit")
        _refuse(y, batch_size)
        if isinstance(x, PretrainingBatches):
            steps_per_epoch = steps_per_epoch or x.steps_per_epoch
            x = self.on_all_replicas(x, initial_epoch * steps_per_epoch)
        return super().fit(x, epochs=epochs, steps_per_epoch=steps_per_epoch, initial_epoch=initial_epoch, **kwargs)

    def evaluate(
        self,
        x: PretrainingBatches | tf.data.Dataset = None,
        y: None = None,
        batch_size: None = None,
        *,
        steps: int | None = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> dict[str, float] | list[float]:
        """Loss, accuracy and perplexity on masked rows: all of `PretrainingBatches`, or `steps` batches."""
        _refuse(y, batch_size)
        if isinstance(x, PretrainingBatches):
            batches, steps = x, x.steps_per_epoch
            x = batches.once()
            if self.distribute_strategy.num_replicas_in_sync > 1:
                x = self.distribute_strategy.distribute_datasets_from_function(batches.once)
        logs = super().evaluate(x, steps=steps, return_dict=True, **kwargs)
        logs["mlm_perplexity"] = float(tf.exp(logs["mlm_loss"]))
        return logs if return_dict else list(logs.values())


def _refuse(y, batch_size):
    if y is not None or batch_size is not None:
        raise TypeError("batches of masked rows have their own targets and size; give no y and no batch_size")
