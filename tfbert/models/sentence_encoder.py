"""SentenceEncoder: sentence embeddings as a Keras model. B batch, D dimensions."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self, Unpack

import keras
import numpy as np

from tfbert.checkpoints import Source
from tfbert.checkpoints.formats import sentence_transformers
from tfbert.checkpoints.weights import LayerWeights
from tfbert.models.prediction import answers_in_batches
from tfbert.models.settings import SentenceEncoderSettings
from tfbert.models.task_model import TaskModel
from tfbert.tasks.sentence_embedding.task import SentenceEmbedding
from tfbert.training.gradient_cache import CachedGradients
from tfbert.training.step import TaskStep


@keras.saving.register_keras_serializable("tfbert")
class SentenceEncoder(TaskModel):
    """Texts to vectors. Texts of similar meaning have vectors with a small angle between them.

    Outputs of `call` are embeddings [W, D] of all texts of a batch; `encode` gives those of strings, `predict` also
    the similarity of pairs. `fit` and `evaluate` take dicts of the columns text, text_pair, negative and score, or a
    tuple of the texts and `y` for the scores. A sentence-transformers folder sets the pooling, normalization and
    max_length. With the objective "in_batch_negatives", `accumulation` caches gradients: each text is compared with
    the whole batch, whatever the number of micro-batches. See
    `tfbert.tasks.sentence_embedding.task.SentenceEmbedding` for the settings.

    >>> model = SentenceEncoder.from_checkpoint("path/or/hf-id", objective="in_batch_negatives")
    >>> model.compile(accumulation=2)
    >>> model.fit({"text": ["where is it", "money back"], "text_pair": ["my order", "refund"]}, batch_size=256)
    >>> model.encode(["where is my parcel"]).shape
    (1, 32)
    """

    task_class = SentenceEmbedding

    if TYPE_CHECKING:  # the settings by name

        @classmethod
        def from_checkpoint(cls, name: Any, **settings: Unpack[SentenceEncoderSettings]) -> Self: ...

    @property
    def step_class(self) -> Any:
        return CachedGradients if self.task.objective == "in_batch_negatives" else TaskStep

    @classmethod
    def settings_of_checkpoint(cls, source: Source, given: dict[str, Any]) -> dict[str, Any]:
        return sentence_transformers.settings(source, given)

    def write_further_files(self, folder: pathlib.Path) -> None:
        heads = {name: self.network.get_layer(name) for name in self.task.checkpoint_heads}
        sentence_transformers.write(folder, self.task.settings(), LayerWeights(self.encoder, heads))

    def encode(
        self, texts: str | Iterable[str], batch_size: int | None = None, show_progress_bar: bool = False
    ) -> np.ndarray:
        """Embeddings of a list of texts, float32 [B, D]; of one text [D]."""
        if isinstance(texts, str):
            return self.encode([texts])[0]
        texts = list(texts)
        embeddings = np.zeros((len(texts), self.network.output.shape[-1]), np.float32)
        if not texts:
            return embeddings
        shown = int(show_progress_bar)
        batches = answers_in_batches(self, {"text": texts}, len(texts), batch_size, verbose=shown, description="encode")
        for example_ids, answer in batches:
            embeddings[example_ids] = answer["embedding"]
        return embeddings
