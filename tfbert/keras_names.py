"""The names in Keras' saved files of the package's classes, which Keras finds before their modules are imported.

Keras opens a file of custom classes only where their names are registered, which the modules of the classes do. Here
each name stands for its module, so that `import tfbert` is enough and does not wait for TensorFlow.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Sequence
from typing import Any

# module below tfbert -> its classes in saved files
_CLASSES = {
    "encoders.albert.encoder": ("AlbertEncoder",),
    "encoders.bert.encoder": ("BertEncoder",),
    "encoders.deberta.encoder": ("DebertaV2Encoder",),
    "encoders.distilbert.encoder": ("DistilBertEncoder",),
    "encoders.electra.encoder": ("ElectraEncoder",),
    "encoders.layers.attention": ("SelfAttention",),
    "encoders.layers.blocks": ("EncoderBlock",),
    "encoders.layers.dense": ("Dense", "LayerNorm"),
    "encoders.layers.dropout": ("Dropout",),
    "encoders.layers.embeddings": ("BertEmbeddings",),
    "encoders.layers.feed_forward": ("FeedForward",),
    "encoders.layers.gated": ("GatedFeedForward",),
    "encoders.layers.initializers": ("TruncatedNormal",),
    "encoders.layers.pooling": ("SentencePooling",),
    "encoders.layers.relative_bias": ("RelativeBias",),
    "encoders.mpnet.encoder": ("MPNetEncoder",),
    "encoders.layers.pre_norm": ("PreNormBlock",),
    "encoders.modernbert.encoder": ("ModernBertEncoder",),
    "encoders.nomic_bert.encoder": ("NomicBertEncoder",),
    "encoders.roberta.encoder": ("RobertaEncoder", "XlmRobertaEncoder", "CamembertEncoder"),
    "models.multiple_choice": ("MultipleChoice",),
    "models.pretrainer": ("Pretrainer",),
    "models.question_answerer": ("QuestionAnswerer",),
    "models.relation_extractor": ("RelationExtractor",),
    "models.replaced_token_detector": ("ReplacedTokenDetector",),
    "models.sentence_encoder": ("SentenceEncoder",),
    "models.summarizer": ("Summarizer",),
    "models.text_classifier": ("TextClassifier",),
    "models.token_classifier": ("TokenClassifier",),
    "tasks.classification.loss": ("ClassificationLoss",),
    "tasks.multiple_choice.loss": ("MultipleChoiceLoss",),
    "tasks.question_answering.loss": ("SpanLoss",),
    "tasks.sentence_embedding.loss": ("SentenceEmbeddingLoss",),
    "tasks.summarization.loss": ("SentenceLoss",),
    "tasks.token_classification.loss": ("TagChainLoss",),
    "tasks.token_classification.transitions": ("TagTransitions",),
    "text.layer": ("Tokenize",),
    "training.optimizers.adamw": ("AdamW",),
    "training.optimizers.lamb": ("LAMB",),
    "training.optimizers.schedule": ("LinearWarmup",),
}
NAMES = {f"tfbert>{name}": (f"tfbert.{module}", name) for module, names in _CLASSES.items() for name in names}


class _Later:
    """Stands for a class until a file asks for it; its module then registers the class in its place."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def from_config(self, config: dict[str, Any]) -> Any:
        return getattr(importlib.import_module(self._module), self._name).from_config(config)


def install() -> None:
    """Registers the names, at once or when Keras is imported."""
    if "keras" in sys.modules and hasattr(sys.modules["keras"], "saving"):
        _register(sys.modules["keras"])
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _register(keras):
    known = keras.saving.get_custom_objects()
    for saved_as, (module, name) in NAMES.items():
        known.setdefault(saved_as, _Later(module, name))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds Keras where it is, and registers the names when it has been imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "keras":
            return None
        if self in sys.meta_path:
            sys.meta_path.remove(self)  # once, and so that `find_spec` does not ask it again
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = functools.partial(_import_and_register, spec.loader.exec_module)  # type: ignore[method-assign]
        return spec


def _import_and_register(exec_module, module):
    exec_module(module)
    _register(module)
