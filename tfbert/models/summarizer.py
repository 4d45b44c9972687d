"""Summarizer: extractive summarization as a Keras model."""

import keras

from tfbert.models.task_model import TaskModel
from tfbert.tasks.summarization import Summarization
from tfbert.tasks.task import check_settings


@keras.saving.register_keras_serializable("tfbert")
class Summarizer(TaskModel):
    """Documents of any length to summaries made of their own sentences.

    Outputs of `call` are logits of windows' tokens [W, S]; `predict` on strings gives answers. See
    `tfbert.tasks.summarization.Summarization` for the settings.

    >>> model = Summarizer.from_checkpoint("path/or/hf-id", sentences=1)
    >>> model.compile()
    >>> model.fit(["Shares fell. It rained."], ["The shares of the firm fell."])
    >>> model.predict(["Shares fell. It rained."])
    [{'summary': 'Shares fell.', 'sentences': [{'text': 'Shares fell.', 'score': 0.97, 'start': 0, 'end': 12}]}]
    """

    task_class = Summarization

    @classmethod
    def settings_of_checkpoint(cls, source, given):
        longest = min(Summarization.max_length, source.config.max_position_embeddings)
        return {} if "max_length" in given else {"max_length": longest}

    @classmethod
    def task_of_checkpoint(cls, source, tokenizer, settings):
        check_settings(Summarization, settings)
        return Summarization.from_settings(settings, tokenizer)
