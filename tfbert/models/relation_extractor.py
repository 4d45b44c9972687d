"""RelationExtractor: relation extraction as a Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

import keras

from tfbert.models.settings import RelationExtractorSettings
from tfbert.models.task_model import TaskModel
from tfbert.tasks.relation_extraction.task import RelationExtraction


@keras.saving.register_keras_serializable("tfbert")
class RelationExtractor(TaskModel):
    """Texts with two entities to the relation between these and its direction.

    Outputs of `call` are logits [B, L]; `predict` on strings gives answers. Entities are marked in the text, or
    given as `head` and `tail` beside it; see `tfbert.tasks.relation_extraction.task.RelationExtraction`.

    >>> labels = ["Other", "Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)"]
    >>> model = RelationExtractor.from_checkpoint("path/or/hf-id", labels=labels)
    >>> model.compile()
    >>> texts = ["<e1>smoke</e1> of the <e2>fire</e2>", "an <e1>apple</e1> and a <e2>pear</e2>"]
    >>> model.fit(texts, ["Cause-Effect(e2,e1)", "Other"], epochs=3)
    >>> model.predict({"text": ["smoke of the fire"], "head": [[0, 5]], "tail": [[13, 17]]})
    [{'label': …, 'relation': …, 'direction': …, 'head_text': 'smoke', 'tail_text': 'fire', 'score': 0…}]
    """

    task_class = RelationExtraction

    if TYPE_CHECKING:  # the settings by name

        @classmethod
        def from_checkpoint(cls, name: Any, **settings: Unpack[RelationExtractorSettings]) -> Self: ...
