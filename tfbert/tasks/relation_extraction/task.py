"""Relation extraction: which relation holds between two entities of a text. B batch, S sequence, H hidden, L labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.errors import ConfigError
from tfbert.tasks.evaluation import Evaluation
from tfbert.tasks.relation_extraction import (
    entities as relation_entities,
)
from tfbert.tasks.relation_extraction import (
    examples as relation_examples,
)
from tfbert.tasks.relation_extraction import (
    golden as relation_golden,
)
from tfbert.tasks.relation_extraction import (
    head as relation_head,
)
from tfbert.tasks.relation_extraction import (
    loss as relation_loss,
)
from tfbert.tasks.relation_extraction import (
    metrics as relation_metrics,
)
from tfbert.tasks.relation_extraction.packing import pack
from tfbert.tasks.relation_extraction.relations import relation_and_direction
from tfbert.tasks.task import Tensors, TrainableTask, check_settings
from tfbert.text import AddedToken, Tokenizer

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.encoders.encoder import Encoder
    from tfbert.export.onnx.graph import GraphWriter


_MARKERS = ("[E1]", "[/E1]", "[E2]", "[/E2]")  # as the paper below calls them


@dataclasses.dataclass(frozen=True)
class RelationExtraction(TrainableTask):
    """A text with two entities, the head <e1> and the tail <e2>, gets a relation and its direction.

    Outputs are logits [B, L] from the hidden states of the two entities' start markers: "entity markers, entity
    start" of Baldini Soares et al. 2019, Matching the Blanks, section 3.2.

    Texts mark their entities, "<e1>…</e1> … <e2>…</e2>", or come with their spans `head` and `tail`, [start, end] in
    characters, the end exclusive. A served text without two entities is answered from its first token.

    Args:
        tokenizer: `tfbert.text.Tokenizer`.
        labels: their names, in the order of the logits: "Cause-Effect(e1,e2)", or without a direction "Other".
        markers: tokens of the vocabulary for [E1], [/E1], [E2] and [/E2]; its first four unused tokens where empty. A
            vocabulary without unused tokens gets these four, as `Tokenizer.with_added_tokens`.
        max_length: tokens kept of an example, specials and markers included; the markers always stay.
        columns: names of the table's text, head, tail and label columns where they differ from these words.

    >>> task = RelationExtraction(tokenizer, labels=("Other", "Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)"))
    """

    tokenizer: Tokenizer
    labels: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    max_length: int = 128
    columns: dict = dataclasses.field(default_factory=dict)

    name = "relation_extraction"
    pipeline_tag = "text-classification"
    hugging_face_head = "RelationExtraction"  # Hugging Face has no class for it
    checkpoint_heads = ("classifier",)
    outputs = {"logits": "W C"}
    extra_inputs = dict.fromkeys(relation_head.STARTS, "W")
    reads_pooler = False
    problem = "single_label"

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise ConfigError(f"relation_extraction needs at least two labels, not {list(self.labels)}")
        if len(set(self.labels)) < len(self.labels):
            raise ConfigError(f"a label occurs twice in {list(self.labels)}")
        if self.room < 2:
            least = self.max_length - self.room + 2
            raise ConfigError(
                f"max_length {self.max_length} leaves no room for two entities; it must be at least {least}"
            )
        if not self.markers:
            markers = self.tokenizer.unused_tokens[:4]
            if len(markers) < 4:
                markers = list(_MARKERS)
                added = [AddedToken(name, special=True) for name in markers]
                object.__setattr__(self, "tokenizer", self.tokenizer.with_added_tokens(added))
            object.__setattr__(self, "markers", tuple(markers))
        object.__setattr__(self, "markers", _checked(self.markers, self.tokenizer))

    @property
    def room(self) -> int:
        """Tokens left beside the special tokens and the four markers."""
        return self.max_length - self.tokenizer.num_special_tokens(1) - 4

    # 1 example
    @classmethod
    def settings_for(cls, table: Table, *, labels: Sequence[str] = (), **settings: Any) -> dict[str, Any]:
        """The settings that a training table asks for: its labels, unless given."""
        check_settings(cls, settings)
        columns = settings.get("columns", {})
        labels = labels or relation_examples.labels_of(table, columns)
        return {**settings, "labels": tuple(labels)}

    def examples(self, table: Table, *, labelled: bool = True, training: bool = False) -> dict[str, Sequence]:
        return relation_examples.read(self, table, labelled=labelled, training=training)

    # 2 features
    @property
    def signatures(self) -> dict[str, dict[str, tf.TensorSpec]]:
        text, span = tf.TensorSpec([None], tf.string), tf.TensorSpec([None, 2], tf.int32)
        return {"serving_default": {"text": text}, "spans": {"text": text, "head": span, "tail": span}}

    def entities(self, example: Tensors) -> relation_entities.Entities:
        """The texts of a batch in their parts: `Entities`."""
        if "head" in example:
            return relation_entities.of_spans(example["text"], example["head"], example["tail"])
        return relation_entities.of_marked(example["text"])

    def features(self, example: Tensors) -> Tensors:
        markers = [self.tokenizer.vocabulary[name] for name in self.markers]
        return pack(self.tokenizer, self.entities(example), markers, self.max_length)

    def target(self, example: Tensors, features: Tensors) -> tf.Tensor:
        return tf.maximum(example["label"], -1)  # of labels that training never had

    # 3 head
    def head(self, encoder: Encoder) -> keras.Model:
        return relation_head.head(self, encoder, len(self.labels))

    def write_onnx_head(self, graph: GraphWriter, network: keras.Model, encoder: Encoder, sequence_output: str) -> None:
        relation_head.write_onnx(graph, network, encoder, sequence_output)

    # 4 loss and metrics
    def loss(self) -> keras.losses.Loss:
        return relation_loss.loss()

    def keras_metrics(self) -> list[keras.metrics.Metric]:
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def metrics(self, examples: Mapping[str, Any], answers: dict[str, np.ndarray]) -> dict[str, float]:
        return relation_metrics.metrics(self.labels, examples["label"], answers["probabilities"].argmax(-1))

    def evaluation(
        self,
        examples: Mapping[str, Any],
        answers: dict[str, np.ndarray],
        *,
        token_lengths: np.ndarray,
        data: str,
    ) -> Evaluation:
        return relation_metrics.evaluation(self, examples, answers, token_lengths=token_lengths, data=data)

    # 5 answer
    def answer(self, example: Tensors, features: Tensors, outputs: Any) -> Tensors:
        relations, directions = zip(*map(relation_and_direction, self.labels), strict=True)
        best = tf.argmax(outputs, axis=-1)
        probabilities = tf.nn.softmax(outputs)
        entities = self.entities(example)
        return {
            "label": tf.gather(tf.constant(self.labels), best),
            "relation": tf.gather(tf.constant(relations), best),
            "direction": tf.gather(tf.constant(directions), best),
            "score": tf.reduce_max(probabilities, axis=-1),
            "head_text": entities.head,
            "tail_text": entities.tail,
            "probabilities": probabilities,
        }

    def readable(self, answer: dict[str, Any]) -> list[dict]:
        texts = ("label", "relation", "direction", "head_text", "tail_text")
        rows = []
        for i, probabilities in enumerate(answer["probabilities"]):
            row = {name: answer[name][i].decode("utf-8", "replace") for name in texts}
            by_label = {name: float(p) for name, p in zip(self.labels, probabilities, strict=True)}
            rows.append({**row, "score": float(answer["score"][i]), "probabilities": by_label})
        return rows

    def golden_inputs(self, signature: str) -> dict[str, np.ndarray]:
        return relation_golden.golden_inputs(self.signatures[signature])

    # what is saved
    @property
    def logit_names(self) -> tuple[str, ...]:
        return self.labels


def _checked(names, tokenizer):
    """The four marker tokens as a tuple."""
    vocabulary, special = tokenizer.vocabulary, tokenizer.special_tokens
    if len(names) != 4 or len(set(names)) < 4:
        raise ConfigError(f"markers are four different tokens, not {list(names)}")
    for name in names:
        if name not in vocabulary or name in special:
            why = "is a special token" if name in special else f"is not in {vocabulary.source}"
            raise ConfigError(f"the marker {name!r} {why}")
    return tuple(names)
