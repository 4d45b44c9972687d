"""Summarizer: extractive summarization as a Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

import keras

from tfbert.models.settings import SummarizerSettings
from tfbert.models.task_model import TaskModel
from tfbert.tasks.summarization.task import Summarization


@keras.saving.register_keras_serializable("tfbert")
class Summarizer(TaskModel):
    """Documents of any length to summaries made of their own sentences.

    Outputs of `call` are logits of windows' tokens [W, S]; `predict` on strings gives answers. See
    `tfbert.tasks.summarization.task.Summarization` for the settings.

    >>> model = Summarizer.from_checkpoint("path/or/hf-id", sentences=1)
    >>> model.compile()
    >>> model.fit(["Shares fell. It rained."], ["The shares of the firm fell."])
    >>> model.predict(["Shares fell. It rained."])
    [{'summary': 'Shares fell.', 'sentences': [{'text': 'Shares fell.', 'score': 0…, 'start': 0, 'end': 12}]}]
    """

    task_class = Summarization

    if TYPE_CHECKING:  # the settings by name

        @classmethod
        def from_checkpoint(cls, name: Any, **settings: Unpack[SummarizerSettings]) -> Self: ...
