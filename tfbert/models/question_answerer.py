"""QuestionAnswerer: question answering as a Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

import keras

from tfbert.models.settings import QuestionAnswererSettings
from tfbert.models.task_model import TaskModel
from tfbert.tasks.question_answering.task import QuestionAnswering


@keras.saving.register_keras_serializable("tfbert")
class QuestionAnswerer(TaskModel):
    """Questions to answers, each a span of the question's context. Contexts may have any length.

    Outputs of `call` are logits of windows [W, S, 2]; `predict` on strings gives answers. See
    `tfbert.tasks.question_answering.task.QuestionAnswering` for the settings.

    >>> model = QuestionAnswerer.from_checkpoint("path/or/hf-id", max_length=128)
    >>> model.compile()
    >>> model.fit((["what is old?"], ["Rome is old."]), [{"text": "Rome", "start": 0}])
    >>> model.predict((["what is old?"], ["Rome is old."]))
    [{'answer': …, 'score': 0…, 'start': …, 'end': …, 'answers': [{'answer': …}, …]}]
    """

    task_class = QuestionAnswering

    if TYPE_CHECKING:  # the settings by name

        @classmethod
        def from_checkpoint(cls, name: Any, **settings: Unpack[QuestionAnswererSettings]) -> Self: ...
