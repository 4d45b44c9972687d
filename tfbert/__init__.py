"""tfbert: BERT as a TensorFlow/Keras package. Text in, answer out."""

from __future__ import annotations

import importlib
import os
import sys
import typing

from tfbert import hooks, keras_names, old_names

__version__ = "0.1.0"

if "tensorflow" not in sys.modules:
    # TensorFlow leaves oneDNN's kernels off on processors without VNNI, where they save a fifth of BERT's time, too. It
    # reads this once, when it is imported: only here is it in time for a notebook as for the commands. A value that
    # the user has set stays. Nothing else in the package touches the environment when it is imported.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

old_names.install()
keras_names.install()
hooks.room = lambda name: importlib.import_module(f"tfbert.{name}")

# Public name -> module. Each is imported when it is first asked for, so that `tfbert --help` and the pure
# Python parts do not wait for TensorFlow.
_PUBLIC = {
    "AdamW": "tfbert.training.optimizers.adamw",
    "AlbertConfig": "tfbert.encoders.albert.config",
    "AlbertEncoder": "tfbert.encoders.albert.encoder",
    "BertConfig": "tfbert.encoders.bert.config",
    "BertEncoder": "tfbert.encoders.bert.encoder",
    "CamembertConfig": "tfbert.encoders.roberta.config",
    "CamembertEncoder": "tfbert.encoders.roberta.encoder",
    "DebertaV2Config": "tfbert.encoders.deberta.config",
    "DebertaV2Encoder": "tfbert.encoders.deberta.encoder",
    "DistilBertConfig": "tfbert.encoders.distilbert.config",
    "DistilBertEncoder": "tfbert.encoders.distilbert.encoder",
    "ElectraConfig": "tfbert.encoders.electra.config",
    "ElectraEncoder": "tfbert.encoders.electra.encoder",
    "Encoder": "tfbert.encoders.encoder",
    "LinearWarmup": "tfbert.training.optimizers.schedule",
    "MPNetConfig": "tfbert.encoders.mpnet.config",
    "MPNetEncoder": "tfbert.encoders.mpnet.encoder",
    "ModernBertConfig": "tfbert.encoders.modernbert.config",
    "ModernBertEncoder": "tfbert.encoders.modernbert.encoder",
    "MultipleChoice": "tfbert.models.multiple_choice",
    "NomicBertConfig": "tfbert.encoders.nomic_bert.config",
    "NomicBertEncoder": "tfbert.encoders.nomic_bert.encoder",
    "Pretrainer": "tfbert.models.pretrainer",
    "QuestionAnswerer": "tfbert.models.question_answerer",
    "RelationExtractor": "tfbert.models.relation_extractor",
    "ReplacedTokenDetector": "tfbert.models.replaced_token_detector",
    "RobertaConfig": "tfbert.encoders.roberta.config",
    "RobertaEncoder": "tfbert.encoders.roberta.encoder",
    "SentenceEncoder": "tfbert.models.sentence_encoder",
    "Summarizer": "tfbert.models.summarizer",
    "TextClassifier": "tfbert.models.text_classifier",
    "TokenClassifier": "tfbert.models.token_classifier",
    "Tokenizer": "tfbert.text",
    "XlmRobertaConfig": "tfbert.encoders.roberta.config",
    "XlmRobertaEncoder": "tfbert.encoders.roberta.encoder",
    "load": "tfbert.models",
    "register": "tfbert.models",
}
_ROOMS = ("checkpoints", "data", "errors", "layers", "models", "serving", "tasks", "text", "training")

__all__ = [*_PUBLIC, *_ROOMS]

if typing.TYPE_CHECKING:  # the same names, for editors and type checkers
    from tfbert import checkpoints as checkpoints
    from tfbert import data as data
    from tfbert import errors as errors
    from tfbert import layers as layers
    from tfbert import models as models
    from tfbert import serving as serving
    from tfbert import tasks as tasks
    from tfbert import text as text
    from tfbert import training as training
    from tfbert.encoders.albert.config import AlbertConfig as AlbertConfig
    from tfbert.encoders.albert.encoder import AlbertEncoder as AlbertEncoder
    from tfbert.encoders.bert.config import BertConfig as BertConfig
    from tfbert.encoders.bert.encoder import BertEncoder as BertEncoder
    from tfbert.encoders.deberta.config import DebertaV2Config as DebertaV2Config
    from tfbert.encoders.deberta.encoder import DebertaV2Encoder as DebertaV2Encoder
    from tfbert.encoders.distilbert.config import DistilBertConfig as DistilBertConfig
    from tfbert.encoders.distilbert.encoder import DistilBertEncoder as DistilBertEncoder
    from tfbert.encoders.electra.config import ElectraConfig as ElectraConfig
    from tfbert.encoders.electra.encoder import ElectraEncoder as ElectraEncoder
    from tfbert.encoders.encoder import Encoder as Encoder
    from tfbert.encoders.modernbert.config import ModernBertConfig as ModernBertConfig
    from tfbert.encoders.modernbert.encoder import ModernBertEncoder as ModernBertEncoder
    from tfbert.encoders.mpnet.config import MPNetConfig as MPNetConfig
    from tfbert.encoders.mpnet.encoder import MPNetEncoder as MPNetEncoder
    from tfbert.encoders.nomic_bert.config import NomicBertConfig as NomicBertConfig
    from tfbert.encoders.nomic_bert.encoder import NomicBertEncoder as NomicBertEncoder
    from tfbert.encoders.roberta.config import CamembertConfig as CamembertConfig
    from tfbert.encoders.roberta.config import RobertaConfig as RobertaConfig
    from tfbert.encoders.roberta.config import XlmRobertaConfig as XlmRobertaConfig
    from tfbert.encoders.roberta.encoder import CamembertEncoder as CamembertEncoder
    from tfbert.encoders.roberta.encoder import RobertaEncoder as RobertaEncoder
    from tfbert.encoders.roberta.encoder import XlmRobertaEncoder as XlmRobertaEncoder
    from tfbert.models import load as load
    from tfbert.models import register as register
    from tfbert.models.multiple_choice import MultipleChoice as MultipleChoice
    from tfbert.models.pretrainer import Pretrainer as Pretrainer
    from tfbert.models.question_answerer import QuestionAnswerer as QuestionAnswerer
    from tfbert.models.relation_extractor import RelationExtractor as RelationExtractor
    from tfbert.models.replaced_token_detector import ReplacedTokenDetector as ReplacedTokenDetector
    from tfbert.models.sentence_encoder import SentenceEncoder as SentenceEncoder
    from tfbert.models.summarizer import Summarizer as Summarizer
    from tfbert.models.text_classifier import TextClassifier as TextClassifier
    from tfbert.models.token_classifier import TokenClassifier as TokenClassifier
    from tfbert.text import Tokenizer as Tokenizer
    from tfbert.training.optimizers.adamw import AdamW as AdamW
    from tfbert.training.optimizers.schedule import LinearWarmup as LinearWarmup


def __getattr__(name: str) -> typing.Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"tfbert.{name}")
    raise AttributeError(f"module 'tfbert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
