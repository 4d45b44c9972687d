"""TokenClassifier: named entities as a Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

import keras

from tfbert.checkpoints import Source
from tfbert.errors import ConfigError
from tfbert.models.settings import TokenClassifierSettings
from tfbert.models.task_model import TaskModel
from tfbert.tasks.task import check_settings
from tfbert.tasks.token_classification.task import TokenClassification
from tfbert.text import Tokenizer


@keras.saving.register_keras_serializable("tfbert")
class TokenClassifier(TaskModel):
    """Texts, or lists of words, to the labelled spans in them: named entities.

    Outputs of `call` are logits [W, S, C]; `predict` on strings gives entities. See `from_checkpoint` for settings and
    `tfbert.tasks.token_classification.task.TokenClassification` for what they mean.

    >>> model = TokenClassifier.from_checkpoint("path/or/hf-id", labels=["place"])
    >>> model.compile()
    >>> model.fit(["off to Rome", "at home"], [[[7, 11, "place"]], []], epochs=3)
    >>> model.predict(["back from Rome"])
    [{'entities': […]}]

    An entity is such as {'entity': 'Rome', 'label': 'place', 'score': 0.99, 'start': 10, 'end': 14, …}.
    """

    task_class = TokenClassification

    if TYPE_CHECKING:  # the settings by name

        @classmethod
        def from_checkpoint(cls, name: Any, **settings: Unpack[TokenClassifierSettings]) -> Self: ...

    @classmethod
    def settings_of_saved(cls, saved: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        settings = super().settings_of_saved(saved, given)
        if given.get("labels") is not None and "tags" not in given:
            settings["tags"] = ()  # of the saved labels
        return settings

    @classmethod
    def task_of_checkpoint(cls, source: Source, tokenizer: Tokenizer, settings: dict[str, Any]) -> TokenClassification:
        check_settings(TokenClassification, settings)
        if settings.get("labels") is None and (tags := source.label_names()):
            if "O" not in tags or not all(tag == "O" or tag[:2] in ("B-", "I-") for tag in tags):
                raise ConfigError(f"{source.folder}: its tags are {', '.join(tags)}, not O, B-x and I-x; give labels")
            settings["labels"] = tuple(dict.fromkeys(tag[2:] for tag in tags if tag != "O"))
            settings["tags"] = tags
        settings["labels"] = tuple(settings.get("labels") or ())
        return TokenClassification.from_settings(settings, tokenizer)
