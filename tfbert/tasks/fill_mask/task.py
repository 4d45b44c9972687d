"""Masked tokens of a text -> what stands there.

Shapes: B texts, S sequence, P masks of a text, C sequences of a packed row, H hidden, V vocabulary, K guesses.
"""

import dataclasses

import keras
import tensorflow as tf
from keras import ops

from tfbert.encoders.encoder import Encoder
from tfbert.errors import ConfigError, DataError, VocabularyError
from tfbert.tasks.task import Task, check_settings
from tfbert.text import Tokenizer


@dataclasses.dataclass(frozen=True)
class FillMask(Task):
    """Each [MASK] of a text is answered by the likeliest tokens: what BERT is pretrained on.

    The network is Hugging Face's BertForPreTraining, or BertForMaskedLM without `next_sentence`. It is trained on
    masked rows of tokens (`tfbert.data.PretrainingBatches`), not on texts. Source: Devlin et al. 2018, section 3.1.

    Args:
        tokenizer: `tfbert.text.Tokenizer`, with a mask token.
        max_length: tokens kept of a text, specials included.
        next_sentence: whether the network has the head that tells a next sentence (or the order of two) too.
        top_k: K, guesses of each mask.
        columns: name of the table's text column where it differs from this word.

    >>> task = FillMask(tokenizer)
    """

    tokenizer: Tokenizer
    max_length: int = 512
    next_sentence: bool = True
    top_k: int = 5
    columns: dict = dataclasses.field(default_factory=dict)

    name = "fill_mask"

    def __post_init__(self):
        if self.tokenizer.special_tokens.mask not in self.tokenizer.vocabulary:
            raise VocabularyError(
                f"{self.tokenizer.vocabulary.source} has no {self.tokenizer.special_tokens.mask} to be filled in"
            )
        if not 1 <= self.top_k <= len(self.tokenizer.vocabulary):
            raise ConfigError(f"top_k {self.top_k} is not from 1 to the vocabulary's {len(self.tokenizer.vocabulary)}")

    @property
    def architecture(self):
        return "BertForPreTraining" if self.next_sentence else "BertForMaskedLM"

    @property
    def head_names(self):
        return ("predictions", "seq_relationship") if self.next_sentence else ("predictions",)

    @property
    def reads_pooler(self):
        return self.next_sentence

    # 1 example
    @classmethod
    def settings_for(cls, table, **settings):
        check_settings(cls, settings)
        return settings

    def examples(self, table, *, labelled=False, training=False):
        if labelled or training:
            raise DataError(
                f"{table.source}: the masks of texts have no labels to compare with; `tfbert pretrain` measures a "
                "model on held-out examples of `tfbert make-examples`"
            )
        return {"text": table.text_column(self.columns.get("text", "text"))}

    # 2 features
    @property
    def signatures(self):
        return {"serving_default": {"text": tf.TensorSpec([None], tf.string)}}

    def features(self, example):
        """As the tokenizer's, and the places of the masks int32 [B, P], filled up with -1; P is at least 1."""
        features = self.tokenizer(example["text"], max_length=self.max_length)
        is_mask = features["token_ids"] == self.tokenizer.vocabulary[self.tokenizer.special_tokens.mask]
        most = tf.maximum(1, tf.reduce_max(tf.reduce_sum(tf.cast(is_mask, tf.int32), 1)))
        places = tf.argsort(tf.cast(~is_mask, tf.int32), axis=1, stable=True)[:, :most]
        there = tf.gather(is_mask, places, batch_dims=1)
        return {**features, "masked_positions": tf.where(there, places, -1)}

    def target(self, example, features):
        raise NotImplementedError("training rows bring their targets along; see PretrainingBatches")

    # 3 head
    def head(self, encoder):
        return PretrainingNetwork(encoder, next_sentence=self.next_sentence, name="pretraining")

    # 4 loss and metrics: of masked rows, in `Pretrainer`
    def loss(self):
        return None

    def metrics(self, examples, answers):
        raise NotImplementedError("Pretrainer.evaluate measures masked rows")

    def evaluation(self, examples, answers, *, token_lengths, data):
        raise NotImplementedError("tfbert pretrain writes a report of its own")

    # 5 answer
    def answer(self, example, features, outputs):
        """token strings [B, P, K] and score [B, P, K], the likeliest first; "" and 0 where a text has less masks."""
        probabilities = tf.nn.softmax(outputs["token_logits"])
        scores, ids = tf.math.top_k(probabilities, self.top_k)
        there = (features["masked_positions"] >= 0)[..., None]
        tokens = tf.gather(tf.constant(list(self.tokenizer.vocabulary)), ids)
        return {"token": tf.where(there, tokens, ""), "score": tf.where(there, scores, 0.0)}

    def readable(self, answer):
        rows = []
        for tokens, scores in zip(answer["token"], answer["score"], strict=True):
            there = [k for k in range(len(tokens)) if tokens[k, 0] != b""]
            rows.append(
                {
                    "masks": [
                        [
                            {"token": token.decode("utf-8"), "score": float(score)}
                            for token, score in zip(tokens[k], scores[k], strict=True)
                        ]
                        for k in there
                    ]
                }
            )
        return rows


class PretrainingNetwork(keras.Model):
    """An encoder with the heads of pretraining.

    Inputs: the encoder's, masked_positions int [B, P] (below 0: none), and for packed rows pair_positions int [B, C],
    where each sequence begins. Outputs: token_logits float32 [B, P, V]; pair_logits float32 [B, 2], of packed rows
    [B, C, 2], where there is such a head.
    """

    def __init__(self, encoder: Encoder, *, next_sentence=True, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.predictions = encoder.masked_language_model_head("predictions")
        self.predictions.build((None, None, encoder.hidden_size))
        self.seq_relationship = None
        if next_sentence:
            self.seq_relationship = keras.layers.Dense(
                2,
                kernel_initializer=keras.initializers.TruncatedNormal(stddev=encoder.initializer_range),
                dtype="float32",  # losses of half-precision logits lose digits
                name="seq_relationship",
            )
            self.seq_relationship.build((None, encoder.hidden_size))
        self.built = True

    def call(self, features, training=False):
        hidden = self.encoder(features, training=training)
        states, pooled = hidden["sequence_output"], hidden["pooled_output"]
        positions = ops.maximum(features["masked_positions"], 0)
        outputs = {"token_logits": self.predictions(states, positions)}
        if self.seq_relationship is not None:
            if (starts := features.get("pair_positions")) is not None:
                pooled = self.encoder.text_vector(ops.take_along_axis(states, ops.expand_dims(starts, 2), axis=1))
            outputs["pair_logits"] = self.seq_relationship(pooled)
        return outputs
