"""MultipleChoice: choosing among texts as a Keras model. W pairs of a prompt and a choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

import keras

from tfbert.models.settings import MultipleChoiceSettings
from tfbert.models.task_model import TaskModel
from tfbert.tasks.multiple_choice.task import MultipleChoiceTask


@keras.saving.register_keras_serializable("tfbert")
class MultipleChoice(TaskModel):
    """Finds, among several choices, the one that fits a prompt.

    Outputs of `call` are logits [W, 1] of all pairs of a batch; `predict` on strings gives answers. `fit`,
    `evaluate` and `predict` take a dict of the columns prompt (a list of str) and choices (a list of lists of str), or
    a tuple of the two. See `tfbert.tasks.multiple_choice.task.MultipleChoiceTask` for the settings.

    >>> model = MultipleChoice.from_checkpoint("path/or/hf-id")
    >>> model.compile()
    >>> model.fit((["the sky is", "grass is"], [["blue", "sour"], ["loud", "green", "far"]]), [0, 1], epochs=3)
    >>> model.predict({"prompt": ["the sea is"], "choices": [["blue", "loud"]]})
    [{'choice': …, 'text': …, 'score': 0…, 'probabilities': [0…, 0…]}]
    """

    task_class = MultipleChoiceTask

    if TYPE_CHECKING:  # the settings by name

        @classmethod
        def from_checkpoint(cls, name: Any, **settings: Unpack[MultipleChoiceSettings]) -> Self: ...
