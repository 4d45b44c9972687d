"""tfbert: BERT as a TensorFlow/Keras package. Text in, answer out."""

import importlib

__version__ = "0.1.0"

# Public name -> module. Each is imported when it is first asked for, so that `tfbert --help` and the pure
# Python parts do not wait for TensorFlow.
_PUBLIC = {
    "AdamW": "tfbert.training.optimizers.adamw",
    "BertConfig": "tfbert.encoders.bert.config",
    "BertEncoder": "tfbert.encoders.bert.encoder",
    "LinearWarmup": "tfbert.training.optimizers.schedule",
    "MultipleChoice": "tfbert.models.multiple_choice",
    "Pretrainer": "tfbert.models.pretrainer",
    "QuestionAnswerer": "tfbert.models.question_answerer",
    "RelationExtractor": "tfbert.models.relation_extractor",
    "SentenceEncoder": "tfbert.models.sentence_encoder",
    "Summarizer": "tfbert.models.summarizer",
    "TextClassifier": "tfbert.models.text_classifier",
    "TokenClassifier": "tfbert.models.token_classifier",
    "Tokenizer": "tfbert.text",
    "load": "tfbert.models",
    "register": "tfbert.models",
}
_ROOMS = ("checkpoints", "data", "errors", "layers", "models", "serving", "tasks", "text", "training")

__all__ = [*_PUBLIC, *_ROOMS]


def __getattr__(name):
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"tfbert.{name}")
    raise AttributeError(f"module 'tfbert' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
