"""TextClassifier: classification as a Keras model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack

import keras
from absl import logging

from tfbert.checkpoints import Source
from tfbert.checkpoints.formats import sentence_transformers
from tfbert.errors import ConfigError, kind_of
from tfbert.models import cross_encoder
from tfbert.models.label_order import is_of_task, settings_in_order
from tfbert.models.settings import TextClassifierSettings
from tfbert.models.task_model import TaskModel
from tfbert.tasks.classification.task import PROBLEMS, Classification
from tfbert.tasks.task import check_settings
from tfbert.text import Tokenizer


@keras.saving.register_keras_serializable("tfbert")
class TextClassifier(TaskModel):
    """Texts, or pairs of texts, to a label, several labels or a number.

    Outputs of `call` are logits [B, L]; `predict` on strings gives answers. See `from_checkpoint` for
    settings and `tfbert.tasks.classification.task.Classification` for what they mean.

    >>> model = TextClassifier.from_checkpoint("path/or/hf-id", labels=["negative", "positive"])
    >>> model.compile()
    >>> model.fit(["a fine film", "dull"], ["positive", "negative"], epochs=3)
    >>> model.predict(["a film to treasure"])
    [{'label': …, 'score': 0…, 'probabilities': {'negative': 0…, 'positive': 0…}}]
    """

    task_class = Classification

    if TYPE_CHECKING:  # the settings by name

        @classmethod
        def from_checkpoint(cls, name: Any, **settings: Unpack[TextClassifierSettings]) -> Self: ...

    @classmethod
    def settings_of_saved(cls, saved: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        return settings_in_order(saved, dict(Classification.given_settings(given)), ("thresholds", "class_weights"))

    @classmethod
    def settings_of_checkpoint(cls, source: Source, given: dict[str, Any]) -> dict[str, Any]:
        """Of a CrossEncoder of sentence-transformers: pairs, as long as it reads them, and its activation."""
        kind = sentence_transformers.cross_encoder(source)
        return {} if kind is None else cross_encoder.settings(source, kind, given)

    @classmethod
    def task_of_checkpoint(cls, source: Source, tokenizer: Tokenizer, settings: dict[str, Any]) -> Classification:
        check_settings(Classification, settings)
        if settings.get("labels") is not None:
            settings["labels"] = tuple(settings["labels"])
            return Classification.from_settings(settings, tokenizer)
        settings.pop("labels", None)
        names = source.label_names() if is_of_task(source, Classification) else ()
        if "problem" not in settings:
            settings["problem"] = _problem(source, names)
        if names and settings["problem"] != "regression":
            settings["labels"] = names
        return Classification.from_settings(settings, tokenizer)


def _problem(source: Source, names: Sequence[str]) -> str:
    """What the configuration says, or the number of logits: one is a number."""
    kept = source.values.get("problem_type") or ""
    if not isinstance(kept, str):
        raise ConfigError(f"{source.folder}: problem_type must be a text, not {kind_of(kept)}")
    if kept or len(names) != 1:
        return next((problem for problem in PROBLEMS if kept.startswith(problem)), PROBLEMS[0])
    logging.info("%s: its head has one logit and no problem_type: it is read as a regression", source.folder)
    return "regression"
