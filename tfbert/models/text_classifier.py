"""TextClassifier: classification as a Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

import keras

from tfbert.checkpoints import Source
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
    def task_of_checkpoint(cls, source: Source, tokenizer: Tokenizer, settings: dict[str, Any]) -> Classification:
        check_settings(Classification, settings)
        if settings.get("labels") is None:
            settings.pop("labels", None)
            if source.label_names() and settings.get("problem") != "regression":
                settings["labels"] = source.label_names()
            kept = source.values.get("problem_type") or ""
            if "problem" not in settings:
                settings["problem"] = next((problem for problem in PROBLEMS if kept.startswith(problem)), PROBLEMS[0])
                if settings["problem"] == "regression":
                    settings.pop("labels", None)
        else:
            settings["labels"] = tuple(settings["labels"])
        return Classification.from_settings(settings, tokenizer)
