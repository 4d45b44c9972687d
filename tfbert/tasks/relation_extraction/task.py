"""Relation extraction: which relation holds between two entities of a text. B batch, S sequence, H hidden, L labels."""

import dataclasses
import re

import keras
import tensorflow as tf
from keras import ops

from tfbert.encoders.layers.dropout import Dropout
from tfbert.errors import ConfigError
from tfbert.tasks.classification import examples as classification_examples
from tfbert.tasks.classification.loss import ClassificationLoss
from tfbert.tasks.evaluation import Evaluation
from tfbert.tasks.relation_extraction import (
    entities as relation_entities,
)
from tfbert.tasks.relation_extraction import (
    examples as relation_examples,
)
from tfbert.tasks.relation_extraction import (
    metrics as relation_metrics,
)
from tfbert.tasks.relation_extraction.packing import pack
from tfbert.tasks.task import Task, check_settings, names_of_logits
from tfbert.text import Tokenizer

_UNUSED = re.compile(r"\[unused\d+\]")  # BERT's vocabularies keep such tokens free for uses like this one


@dataclasses.dataclass(frozen=True)
class RelationExtraction(Task):
    """A text with two entities, the head <e1> and the tail <e2>, gets a relation and its direction.

    Outputs are logits [B, L] from the hidden states of the two entities' start markers: "entity markers, entity
    start" of Baldini Soares et al. 2019, Matching the Blanks, section 3.2.

    Texts mark their entities, "<e1>…</e1> … <e2>…</e2>", or come with their spans `head` and `tail`, [start, end] in
    characters with `end` after the last. Served texts without two entities are answered from [CLS].

    Args:
        tokenizer: `tfbert.text.Tokenizer`.
        labels: their names, in the order of the logits: "Cause-Effect(e1,e2)", or without a direction "Other".
        markers: tokens of the vocabulary for [E1], [/E1], [E2] and [/E2]; its first four [unusedN] where empty.
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
    architecture = "BertForRelationExtraction"
    reads_pooler = False
    head_names = ("classifier",)
    problem = "single_label"

    def __post_init__(self):
        if len(self.labels) < 2:
            raise ConfigError(f"relation_extraction needs at least two labels, not {list(self.labels)}")
        if len(set(self.labels)) < len(self.labels):
            raise ConfigError(f"a label occurs twice in {list(self.labels)}")
        if self.room < 2:
            raise ConfigError(f"max_length {self.max_length} leaves no room for two entities; it must be at least 8")
        object.__setattr__(self, "markers", _markers(self.tokenizer, self.markers))

    @property
    def room(self):
        """Tokens left beside [CLS], [SEP] and the four markers."""
        return self.max_length - 6

    # 1 example
    @classmethod
    def settings_for(cls, table, *, labels=(), **settings):
        """The settings that a training table asks for: its labels, unless given."""
        check_settings(cls, settings)
        columns = settings.get("columns", {})
        labels = labels or classification_examples.labels_of(table, cls.problem, columns, separator="")
        return {**settings, "labels": tuple(labels)}

    def examples(self, table, *, labelled=True, training=False):
        return relation_examples.read(self, table, labelled=labelled, training=training)

    # 2 features
    @property
    def signatures(self):
        text, span = tf.TensorSpec([None], tf.string), tf.TensorSpec([None, 2], tf.int32)
        return {"serving_default": {"text": text}, "spans": {"text": text, "head": span, "tail": span}}

    def entities(self, example):
        """The texts of a batch in their parts: `Entities`."""
        if "head" in example:
            return relation_entities.of_spans(example["text"], example["head"], example["tail"])
        return relation_entities.of_marked(example["text"])

    def features(self, example):
        markers = [self.tokenizer.vocabulary[name] for name in self.markers]
        return pack(self.tokenizer, self.entities(example), markers, self.max_length)

    def target(self, example, features):
        return example["label"]

    # 3 head
    def head(self, encoder):
        config, inputs = encoder.config, self.encoder_inputs()
        starts = {name: keras.Input((), dtype="int32", name=name) for name in ("head_start", "tail_start")}
        states = encoder(inputs)["sequence_output"]  # [B, S, H]
        places = ops.stack([starts["head_start"], starts["tail_start"]], axis=1)  # [B, 2]
        pair = ops.take_along_axis(states, ops.expand_dims(places, 2), axis=1)  # [B, 2, H]
        pair = ops.reshape(pair, (-1, 2 * config.hidden_size))
        dropout = config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
        logits = keras.layers.Dense(
            len(self.labels),
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=config.initializer_range),
            dtype="float32",  # losses and probabilities of half-precision logits lose digits
            name="classifier",
        )(Dropout(dropout, name="classifier_dropout")(pair))
        return keras.Model({**inputs, **starts}, logits, name="relation_extraction")

    # 4 loss and metrics
    def loss(self):
        return ClassificationLoss()

    def keras_metrics(self):
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def metrics(self, examples, answers):
        return relation_metrics.metrics(self.labels, examples["label"], answers["probabilities"].argmax(-1))

    def evaluation(self, examples, answers, *, token_lengths, data):
        texts = examples["text"]
        if "head" in examples:
            spans = zip(texts, examples["head"], examples["tail"], strict=True)
            texts = [relation_examples.marked(*row) for row in spans]
        return Evaluation(
            problem=self.problem,
            labels=self.labels,
            texts=texts,
            text_pairs=None,
            truth=examples["label"],
            scores=answers["probabilities"],
            thresholds=None,
            token_lengths=token_lengths,
            metrics=self.metrics(examples, answers),
            data=data,
        )

    # 5 answer
    def answer(self, example, features, outputs):
        relations, directions = zip(*map(relation_metrics.relation_and_direction, self.labels), strict=True)
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

    def readable(self, answer):
        texts = ("label", "relation", "direction", "head_text", "tail_text")
        rows = []
        for i, probabilities in enumerate(answer["probabilities"]):
            row = {name: answer[name][i].decode("utf-8", "replace") for name in texts}
            by_label = {name: float(p) for name, p in zip(self.labels, probabilities, strict=True)}
            rows.append({**row, "score": float(answer["score"][i]), "probabilities": by_label})
        return rows

    # what is saved
    def hugging_face_config(self):
        return names_of_logits(self.labels)


def _markers(tokenizer, names):
    """The four marker tokens, checked; the vocabulary's first unused ones where none are given."""
    vocabulary, special = tokenizer.vocabulary, dataclasses.astuple(tokenizer.special_tokens)
    if not names:
        added = {token.content for token in tokenizer.added_tokens}
        names = [name for name in vocabulary if _UNUSED.fullmatch(name) and name not in added][:4]
        if len(names) < 4:
            raise ConfigError(
                f"{vocabulary.source} has no four [unusedN] tokens to mark entities with; name four tokens of it "
                "that texts do not need: markers=[…]"
            )
    if len(names) != 4 or len(set(names)) < 4:
        raise ConfigError(f"markers are four different tokens, not {list(names)}")
    for name in names:
        if name not in vocabulary or name in special:
            why = "is one of BERT's own tokens" if name in special else f"is not in {vocabulary.source}"
            raise ConfigError(f"the marker {name!r} {why}")
    return tuple(names)
