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
from tfbert.errors import ConfigError, did_you_mean
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
    tuple of the texts and `y` for the scores. A sentence-transformers folder brings its pooling, normalization,
    max_length and prompts along; its default prompt is put before every text, also of an export. With the objective
    "in_batch_negatives" `accumulation` caches gradients: a text is compared with those of the whole batch, however many
    parts that is computed in. See `tfbert.tasks.sentence_embedding.task.SentenceEmbedding` for the settings.

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
        self,
        texts: str | Iterable[str],
        batch_size: int | None = None,
        show_progress_bar: bool = False,
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
    ) -> np.ndarray:
        """Embeddings of a list of texts, float32 [B, D]; of one text [D].

        Args:
            prompt, prompt_name: what is put before each text instead of the task's `prompt`; "" for nothing. The name
                is one of the task's `prompts`.
        """
        if isinstance(texts, str):
            return self.encode([texts], prompt=prompt, prompt_name=prompt_name)[0]
        prompt = self._prompt(prompt, prompt_name)
        texts = list(texts)
        embeddings = np.zeros((len(texts), self.network.output.shape[-1]), np.float32)
        if not texts:
            return embeddings
        shown = int(show_progress_bar)
        example = {"text": texts} if prompt is None else {"text": texts, "prompt": [prompt] * len(texts)}
        batches = answers_in_batches(self, example, len(texts), batch_size, verbose=shown, description="encode")
        for example_ids, answer in batches:
            embeddings[example_ids] = answer["embedding"]
        return embeddings

    def _prompt(self, prompt: str | None, name: str | None) -> str | None:
        """The prompt to put before texts; None for the task's own."""
        prompts = self.task.prompts
        if prompt is None and name is not None:
            if name not in prompts:
                known = ", ".join(prompts) or "none"
                raise ConfigError(f"there is no prompt {name!r}; the model has {known}{did_you_mean(name, prompts)}")
            prompt = prompts[name]
        if prompt == self.task.prompt:
            return None
        if prompt is not None and not self.task.include_prompt:
            raise ConfigError(
                f"the model leaves the tokens of its prompt {self.task.prompt!r} out of the pooling; for another, load "
                f"it with from_checkpoint(…, prompt={prompt!r})"
            )
        return prompt
