"""Each token of a text -> the probability that another one stood there.

Shapes: B texts, S sequence, H hidden.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import tensorflow as tf

from tfbert.errors import ConfigError
from tfbert.tasks.replaced_tokens import examples as replaced_tokens_examples
from tfbert.tasks.replaced_tokens import head as replaced_tokens_head
from tfbert.tasks.task import Task, Tensors, check_max_length
from tfbert.text import Tokenizer

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter


@dataclasses.dataclass(frozen=True)
class ReplacedTokens(Task):
    """Says of each token of a text whether it was replaced: what discriminators are pretrained on.

    The network, the discriminator, is trained together with a generator, a smaller masked language model with the same
    embeddings, whose guesses stand in the place of masked tokens. The loss is generator_weight times the generator's
    plus discriminator_weight times the mean over all tokens of the discriminator's. It is trained on masked rows of
    tokens (`tfbert.data.PretrainingBatches`) and not on texts, and so is no `TrainableTask`. Source: Clark et al.
    2020, section 2 and table 6; google-research/electra, run_pretraining.py.

    Args:
        tokenizer: `tfbert.text.Tokenizer`, with a mask token.
        max_length: tokens kept of a text, specials included.
        generator_size: the generator's share of the width, of the heads and of the feed-forward width.
        generator_weight, discriminator_weight: of the losses.
        columns: name of the table's text column where it differs from this word.

    >>> task = ReplacedTokens(tokenizer)
    """

    tokenizer: Tokenizer
    max_length: int = 512
    generator_size: float = 0.25
    generator_weight: float = 1.0
    discriminator_weight: float = 50.0
    columns: dict = dataclasses.field(default_factory=dict)

    name = "replaced_tokens"
    outputs = {"logits": "W S"}
    checkpoint_heads = (replaced_tokens_head.HEAD,)
    hugging_face_head = "PreTraining"
    reads_pooler = False
    # Of the tokens to predict, those that the generator sees as masks, and as they are; the paper has no random ones.
    mask_shares: ClassVar[tuple[float, float]] = (0.85, 0.15)

    def __post_init__(self) -> None:
        _ = self.tokenizer.mask_id  # raises now that there is none
        check_max_length(self)
        if not 0 < self.generator_size <= 1:
            raise ConfigError(f"generator_size is a share above 0 and at most 1, not {self.generator_size}")
        for name in ("generator_weight", "discriminator_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is a number from 0 on, not {getattr(self, name)}")

    # 1 example
    def examples(self, table: Table, *, labelled: bool = False, training: bool = False) -> dict[str, Sequence]:
        return replaced_tokens_examples.read(self, table, labelled=labelled or training)

    # 2 features
    @property
    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        return {"serving_default": {"text": tf.TensorSpec([None], tf.string)}}

    def features(self, example: Tensors) -> Tensors:
        return self.tokenizer(example["text"], max_length=self.max_length)

    # 3 head
    def head(self, encoder: Encoder) -> keras.Model:
        return replaced_tokens_head.Discriminator(encoder, name="discriminator")

    def write_onnx_head(self, graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
        replaced_tokens_head.write_onnx(graph, network, sequence_output)

    # 5 answer
    def answer(self, example: Tensors, features: Tensors, outputs: Any) -> Tensors:
        """token strings [B, S] and their probability `replaced` [B, S]; "" and 0 at special tokens and padding."""
        ids = features["token_ids"]
        is_special = tf.reduce_any(ids[..., None] == tf.constant(self.tokenizer.special_ids, ids.dtype), -1)
        of_text = (features["padding_mask"] > 0) & ~is_special
        tokens = tf.gather(tf.constant(list(self.tokenizer.vocabulary)), ids)
        return {
            "token": tf.where(of_text, tokens, ""),
            "replaced": tf.where(of_text, tf.sigmoid(outputs), 0.0),
        }

    def readable(self, answer: dict[str, Any]) -> list[dict]:
        return [
            {
                "tokens": [
                    {"token": token.decode("utf-8"), "replaced": float(probability)}
                    for token, probability in zip(tokens, probabilities, strict=True)
                    if token
                ]
            }
            for tokens, probabilities in zip(answer["token"], answer["replaced"], strict=True)
        ]
