"""QuestionAnswerer: question answering as a Keras model."""

import keras

from tfbert.models.task_model import TaskModel
from tfbert.tasks.question_answering import QuestionAnswering
from tfbert.tasks.task import check_settings


@keras.saving.register_keras_serializable("tfbert")
class QuestionAnswerer(TaskModel):
    """Questions and contexts to answers, each a span of its context of any length.

    Outputs of `call` are logits of windows [W, S, 2]; `predict` on strings gives answers. See
    `tfbert.tasks.question_answering.QuestionAnswering` for the settings.

    >>> model = QuestionAnswerer.from_checkpoint("path/or/hf-id", max_length=384)
    >>> model.compile()
    >>> model.fit((["what is old?"], ["Rome is old."]), [{"text": "Rome", "start": 0}])
    >>> model.predict((["what is old?"], ["Rome is old."]))
    [{'answer': 'Rome', 'score': 0.98, 'start': 0, 'end': 4, 'answers': [{'answer': 'Rome', …}, …]}]
    """

    task_class = QuestionAnswering

    @classmethod
    def settings_of_checkpoint(cls, source, given):
        longest = min(QuestionAnswering.max_length, source.config.max_position_embeddings)
        return {} if "max_length" in given else {"max_length": longest}

    @classmethod
    def task_of_checkpoint(cls, source, tokenizer, settings):
        check_settings(QuestionAnswering, settings)
        return QuestionAnswering.from_settings(settings, tokenizer)
