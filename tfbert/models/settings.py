"""The settings that `from_checkpoint` of each model takes, for editors and type checkers.

They are the fields of the model's task, which says what they mean; a test compares the names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from tfbert.text import AddedToken


class ModelSettings(TypedDict, total=False):
    """Of every model: what `from_checkpoint` itself takes, and the fields that every task has."""

    dtype: Any
    unused_embeddings: bool
    added_tokens: Sequence[str | AddedToken]
    max_length: int
    columns: Mapping[str, str]


class TextClassifierSettings(ModelSettings, total=False):
    """Fields of `tfbert.tasks.classification.task.Classification`."""

    labels: Sequence[str]
    problem: Literal["single_label", "multi_label", "regression"]
    activation: Literal["linear", "sigmoid"]
    pairs: bool
    windows: bool
    stride: int
    thresholds: Sequence[float]
    class_weights: Sequence[float] | Literal["balanced"]
    label_separator: str


class TokenClassifierSettings(ModelSettings, total=False):
    """Fields of `tfbert.tasks.token_classification.task.TokenClassification`."""

    labels: Sequence[str]
    words: bool
    transitions: bool
    stride: int | None
    tags: Sequence[str]
    tag_names: Sequence[str]


class RelationExtractorSettings(ModelSettings, total=False):
    """Fields of `tfbert.tasks.relation_extraction.task.RelationExtraction`."""

    labels: Sequence[str]
    markers: Sequence[str]


class QuestionAnswererSettings(ModelSettings, total=False):
    """Fields of `tfbert.tasks.question_answering.task.QuestionAnswering`."""

    stride: int | None
    max_question_length: int | None
    answer_length: int
    n_best: int
    unanswerable: bool
    threshold: float
    language: str


class SummarizerSettings(ModelSettings, total=False):
    """Fields of `tfbert.tasks.summarization.task.Summarization`."""

    stride: int | None
    sentences: int
    ratio: float
    block_ngrams: int


class MultipleChoiceSettings(ModelSettings, total=False):
    """Fields of `tfbert.tasks.multiple_choice.task.MultipleChoiceTask`."""

    first_label: int | None


class SentenceEncoderSettings(ModelSettings, total=False):
    """Fields of `tfbert.tasks.sentence_embedding.task.SentenceEmbedding`."""

    objective: str
    score_range: tuple[float, float]
    pooling: str
    prompt: str
    include_prompt: bool
    prompts: Mapping[str, str]
    dimensions: int
    normalize: bool
    dense_units: int
    dense_activation: str
    dense_bias: bool
    scale: float
    margin: float


class PretrainerSettings(ModelSettings, total=False):
    """Fields of `tfbert.tasks.fill_mask.task.FillMask`."""

    next_sentence: bool
    top_k: int


class ReplacedTokenDetectorSettings(ModelSettings, total=False):
    """Fields of `tfbert.tasks.replaced_tokens.task.ReplacedTokens`."""

    generator_size: float
    generator_weight: float
    discriminator_weight: float
