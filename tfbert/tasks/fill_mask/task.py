"""Masked tokens of a text -> the likeliest tokens in their place.

Shapes: B texts, S sequence, P masks of a text, H hidden, V vocabulary, K guesses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfbert.errors import ConfigError
from tfbert.tasks.fill_mask import examples as fill_mask_examples
from tfbert.tasks.fill_mask import golden as fill_mask_golden
from tfbert.tasks.fill_mask import head as fill_mask_head
from tfbert.tasks.task import Task, Tensors, check_max_length
from tfbert.text import Tokenizer

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter


@dataclasses.dataclass(frozen=True)
class FillMask(Task):
    """Each [MASK] of a text is answered by the likeliest tokens: what encoders are pretrained on.

    The network is Hugging Face's for pretraining, or that of a masked language model alone without `next_sentence`. It
    is trained on masked rows of tokens (`tfbert.data.PretrainingBatches`) and not on texts, and so is no
    `TrainableTask`. Source: Devlin et al. 2018, section 3.1.

    Args:
        tokenizer: `tfbert.text.Tokenizer`, with a mask token.
        max_length: tokens kept of a text, specials included.
        next_sentence: whether the network also has the head that says if one sentence follows the other.
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
    pipeline_tag = "fill-mask"
    extra_inputs = {"masked_positions": "W P"}
    # Of the tokens to predict, those that are masked and those that stay; the others are random (section 3.1).
    mask_shares: ClassVar[tuple[float, float]] = (0.8, 0.1)

    def __post_init__(self) -> None:
        _ = self.tokenizer.mask_id  # raises now that there is none
        check_max_length(self)
        if not 1 <= self.top_k <= len(self.tokenizer.vocabulary):
            raise ConfigError(f"top_k {self.top_k} is not from 1 to the vocabulary's {len(self.tokenizer.vocabulary)}")

    @property
    def hugging_face_head(self) -> str:
        return "PreTraining" if self.next_sentence else "MaskedLM"

    @property
    def checkpoint_heads(self) -> tuple[str, ...]:
        return ("predictions", "seq_relationship") if self.next_sentence else ("predictions",)

    @property
    def outputs(self) -> dict[str, str]:
        return {"token_logits": "W P V", **({"pair_logits": "W 2"} if self.next_sentence else {})}

    @property
    def reads_pooler(self) -> bool:
        return self.next_sentence

    # 1 example
    def examples(self, table: Table, *, labelled: bool = False, training: bool = False) -> dict[str, Sequence]:
        return fill_mask_examples.read(self, table, labelled=labelled or training)

    # 2 features
    @property
    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        return {"serving_default": {"text": tf.TensorSpec([None], tf.string)}}

    def features(self, example: Tensors) -> Tensors:
        """As the tokenizer's, and the places of the masks int32 [B, P], filled up with -1; P is at least 1."""
        features = self.tokenizer(example["text"], max_length=self.max_length)
        is_mask = features["token_ids"] == self.tokenizer.mask_id
        most = tf.maximum(1, tf.reduce_max(tf.reduce_sum(tf.cast(is_mask, tf.int32), 1)))
        places = tf.argsort(tf.cast(~is_mask, tf.int32), axis=1, stable=True)[:, :most]
        there = tf.gather(is_mask, places, batch_dims=1)
        return {**features, "masked_positions": tf.where(there, places, -1)}

    # 3 head
    def head(self, encoder: Encoder) -> keras.Model:
        return fill_mask_head.PretrainingNetwork(encoder, next_sentence=self.next_sentence, name="pretraining")

    def write_onnx_head(self, graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
        fill_mask_head.write_onnx(graph, network, encoder, sequence_output)

    def as_head(self, named: Tensors) -> Tensors:
        return named  # a dict also of one output: pretraining reads them by name

    # 5 answer
    def answer(self, example: Tensors, features: Tensors, outputs: Any) -> Tensors:
        """token strings [B, P, K] and score [B, P, K], the likeliest first; "" and 0 where a text has fewer masks."""
        probabilities = tf.nn.softmax(outputs["token_logits"])
        scores, ids = tf.math.top_k(probabilities, self.top_k)
        there = (features["masked_positions"] >= 0)[..., None]
        tokens = tf.gather(tf.constant(list(self.tokenizer.vocabulary)), ids)
        return {"token": tf.where(there, tokens, ""), "score": tf.where(there, scores, 0.0)}

    def readable(self, answer: dict[str, Any]) -> list[dict]:
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

    def golden_inputs(self, signature: str) -> dict[str, np.ndarray]:
        return fill_mask_golden.golden_inputs(self.tokenizer.vocabulary.tokens[self.tokenizer.mask_id])
