"""Token classification: named entities, and other labelled spans of a text.

Shapes: B texts, W windows of all texts together, S sequence, L labels, C = 1 + 2 L tags, E entities of a text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.errors import ConfigError
from tfbert.tasks.evaluation import Answers
from tfbert.tasks.task import Tensors, TrainableTask, check_settings
from tfbert.tasks.token_classification import (
    examples as token_classification_examples,
)
from tfbert.tasks.token_classification import (
    golden as token_classification_golden,
)
from tfbert.tasks.token_classification import (
    head as token_classification_head,
)
from tfbert.tasks.token_classification import (
    metrics as token_classification_metrics,
)
from tfbert.tasks.token_classification.decoding import entities, tags_of_words, texts_between
from tfbert.tasks.token_classification.loss import TagChainLoss
from tfbert.tasks.token_classification.words import NO_TAG, joined_words, ragged_words, tags_of_spans, words_of
from tfbert.text import Tokenizer

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter


@dataclasses.dataclass(frozen=True)
class TokenClassification(TrainableTask):
    """A text's labelled spans of words, which do not overlap.

    Each word gets a tag of BIO (IOB2): O, B-x or I-x. Its logits are those of its first piece. Outputs are logits
    [W, S, C], as of Hugging Face's token classification; the answer is the likeliest sequence of tags that BIO allows.
    Long texts are cut into windows; a word counts in the window that shows most of its context. With `transitions`
    outputs are a dict of logits and transitions [C, C], see `TagTransitions`. Source: Devlin et al. 2018, section 5.3.

    Args:
        tokenizer: `tfbert.text.Tokenizer`.
        labels: of entities, such as person; in the order of the logits.
        words: whether texts may also come as lists of words; the served model then has a signature for them.
        transitions: whether the model also learns which tag follows which, as a linear-chain CRF does.
        max_length: tokens of a window, specials included.
        stride: tokens that a window shares with the one before; a quarter of `max_length` if None.
        tags: names of the logits, where a checkpoint's are not O, B-x, I-x, B-y, I-y, ….
        tag_names: what the numbers from 0 mean in a column of tags that holds numbers, such as O, B-person, I-person;
            `settings_for` takes them as `labels` of such a table.
        columns: names of the table's text, spans, words and tags columns where they differ from these words.

    >>> task = TokenClassification(tokenizer, labels=("person", "place"))
    """

    tokenizer: Tokenizer
    labels: tuple[str, ...] = ()
    words: bool = False
    transitions: bool = False
    max_length: int = 128
    stride: int | None = None
    tags: tuple[str, ...] = ()
    tag_names: tuple[str, ...] = ()
    columns: dict = dataclasses.field(default_factory=dict)

    name = "token_classification"
    pipeline_tag = "token-classification"
    hugging_face_head = "TokenClassification"
    reads_pooler, reads_token_vectors = False, True
    reads_windows = True
    target_column = "spans"

    @property
    def checkpoint_heads(self) -> tuple[str, ...]:
        return ("classifier", "tag_transitions") if self.transitions else ("classifier",)

    @property
    def outputs(self) -> dict[str, str]:
        return {"logits": "W S C", **({"transitions": "C C"} if self.transitions else {})}

    def __post_init__(self) -> None:
        if not self.labels:
            raise ConfigError("token classification needs the labels of its entities, such as labels=['person']")
        if len(set(self.labels)) < len(self.labels) or "" in self.labels:
            raise ConfigError(f"a label occurs twice or is empty in {list(self.labels)}")
        if self.tags and sorted(self.tags) != sorted(self._tags_in_order):
            raise ConfigError(f"tags are {', '.join(self.tags)}; the labels need {', '.join(self._tags_in_order)}")
        token_classification_examples.checked_names(self.tag_names)
        # A column of a CoNLL file may be named by its number.
        names = {part: str(name) if isinstance(name, int) else name for part, name in self.columns.items()}
        object.__setattr__(self, "columns", names)
        room = self.max_length - self.tokenizer.num_special_tokens(1)
        if not 0 <= self._stride < room:
            raise ConfigError(
                f"stride {self._stride} must be from 0 to below {room}, the tokens of a window "
                f"of max_length {self.max_length}"
            )

    # 1 example
    @classmethod
    def settings_for(cls, table: Table, *, labels: Sequence[str] = (), **settings: Any) -> dict[str, Any]:
        """The settings that a training table asks for: its entities' labels, and whether words are given."""
        check_settings(cls, settings)
        columns = settings.get("columns", {})
        settings.setdefault("words", token_classification_examples.has_words(table, columns))
        names = settings.get("tag_names", ())
        if labels and not names and token_classification_examples.has_numbers(table, columns):
            names = settings["tag_names"] = tuple(labels)
            labels = ()
        labels = labels or token_classification_examples.labels_of(table, columns, names)
        return {**settings, "labels": tuple(labels)}

    def examples(self, table: Table, *, labelled: bool = True, training: bool = False) -> dict[str, Sequence]:
        return token_classification_examples.read(self, table, labelled=labelled, training=training)

    # 2 features
    @property
    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        signatures = {"serving_default": {"text": tf.TensorSpec([None], tf.string)}}
        if self.words:
            signatures["words"] = {"words": tf.TensorSpec([None, None], tf.string)}
        return signatures

    def features(self, example: Tensors) -> Tensors:
        """Of column `text` [B], or of `words`: ragged, or dense [B, (words)] filled up with ""."""
        as_words = "words" in example
        features = self.tokenizer.windows(
            ragged_words(example["words"]) if as_words else example["text"],
            max_length=self.max_length,
            stride=self._stride,
            offsets=True,
            is_split_into_words=as_words,
        )
        del features["text_ids"]
        return features

    def target(self, example: Tensors, features: Tensors) -> tf.Tensor:
        """The number of each word's tag, at its first piece in the window that counts; -100 elsewhere
        and where the label is none of the task's: int32 [W, S]."""
        words = words_of(features)
        as_words = "words" in example
        start, end = (words.number, words.number + 1) if as_words else (words.start, words.end)
        tags = tags_of_spans(words.row, start, end, example["spans"])
        if self.tags:
            order = tf.gather([self.tags.index(tag) for tag in self._tags_in_order], tf.maximum(tags, 0))
            tags = tf.where(tags < 0, tags, order)
        return tf.tensor_scatter_nd_update(tf.fill(tf.shape(features["token_ids"]), NO_TAG), words.places, tags)

    # 3 head
    def head(self, encoder: Encoder) -> keras.Model:
        return token_classification_head.head(self, encoder, len(self._tags_in_order), transitions=self.transitions)

    def write_onnx_head(self, graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
        token_classification_head.write_onnx(graph, network, encoder, sequence_output, transitions=self.transitions)

    # 4 loss and metrics
    def loss(self) -> keras.losses.Loss:
        """Cross-entropy of each word's tag or, with `transitions`, of a window's sequence; the mean over the words."""
        if self.transitions:
            return TagChainLoss(self.logit_names)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=NO_TAG)

    def loss_terms(self, target: tf.Tensor) -> tf.Tensor:
        return tf.math.count_nonzero(target != NO_TAG, dtype=tf.float32)

    def metrics(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> dict[str, float]:
        return token_classification_metrics.metrics(
            *token_classification_metrics.truth_and_found(self, examples, answers)
        )

    def evaluation(
        self,
        examples: Mapping[str, Any],
        answers: dict[str, np.ndarray],
        *,
        token_lengths: np.ndarray,
        data: str,
    ) -> Answers:
        return token_classification_metrics.evaluation(self, examples, answers, token_lengths=token_lengths, data=data)

    # 5 answer
    @tf.autograph.experimental.do_not_convert  # no Python control flow over tensors for it to find in seconds
    def answer(self, example: Tensors, features: Tensors, outputs: Any) -> Tensors:
        """The entities of each text in order, [B, E]: their texts, labels, mean probabilities of their tags, places.

        `start` and `end` count characters, `byte_start` and `byte_end` bytes. For lists of words they count in the
        words joined by single spaces, and `word_start` and `word_end` count words. Ends are exclusive.
        """
        words = words_of(features)
        named = self.named(outputs)
        logits, transitions = tf.gather_nd(named["logits"], words.places), named.get("transitions")
        if self.tags:
            order = [self.tags.index(tag) for tag in self._tags_in_order]
            logits = tf.gather(logits, order, axis=1)
            if self.transitions:
                transitions = tf.gather(tf.gather(transitions, order, axis=0), order, axis=1)
        if "words" in example:
            text, spans = joined_words(ragged_words(example["words"]), words)
        else:
            text = tf.convert_to_tensor(example["text"], tf.string)
            spans = {
                ("start", "end"): (words.start, words.end),
                ("byte_start", "byte_end"): (words.byte_start, words.byte_end),
            }
        texts = tf.size(text)
        tags, probabilities = tags_of_words(logits, words.row, texts, self._tags_in_order, transitions)
        found = entities(tags, probabilities, words.row, texts, spans)
        label = tf.where(found["label"] < 0, "", tf.gather(self.labels, tf.maximum(found["label"], 0)))
        return {"entity": texts_between(text, found["byte_start"], found["byte_end"]), **found, "label": label}

    def readable(self, answer: dict[str, Any]) -> list[dict]:
        numbers = [name for name in answer if name not in ("entity", "label", "score")]
        rows = []
        for i, labels in enumerate(answer["label"]):
            row = []
            for k in range(sum(label != b"" for label in labels)):
                entity = {
                    "entity": answer["entity"][i][k].decode("utf-8", "replace"),
                    "label": labels[k].decode("utf-8"),
                    "score": float(answer["score"][i][k]),
                }
                row.append({**entity, **{name: int(answer[name][i][k]) for name in numbers}})
            rows.append({"entities": row})
        return rows

    def golden_inputs(self, signature: str) -> dict[str, np.ndarray]:
        return token_classification_golden.golden_inputs(self.signatures[signature])

    # what is saved
    @property
    def logit_names(self) -> tuple[str, ...]:
        return self.tags or self._tags_in_order

    @property
    def _tags_in_order(self):
        return ("O", *(f"{prefix}-{label}" for label in self.labels for prefix in "BI"))

    @property
    def _stride(self):
        return self.max_length // 4 if self.stride is None else self.stride
