"""The metrics of a summarization, by rouge_score and scikit-learn. B documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn.metrics

from tfbert.tasks.columns import texts_of
from tfbert.tasks.evaluation import Answers

if TYPE_CHECKING:
    from tfbert.tasks.summarization.task import Summarization

from tfbert.tasks.summarization.examples import sentence_texts
from tfbert.tasks.summarization.oracle import rouge_score, word_tokenizer

# Of texts, and of their sentences (the ROUGE-L that papers on summarization report).
ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")
_TEXTS_THAT_TELL = 1000  # whose letters choose the tokenizer


def rouge_values(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> np.ndarray:
    """The F1 of each of `ROUGE` for each document, float [B, 4], with stemming, as papers report it.

    Args:
        truth, predicted: lists of sentences for each document.
    """
    tokenizer = word_tokenizer([text for row in truth[:_TEXTS_THAT_TELL] for text in row], stem=True)
    scorer = rouge_score().rouge_scorer.RougeScorer(list(ROUGE), tokenizer=tokenizer)
    values = np.zeros((len(truth), len(ROUGE)))
    for i, (wanted, given) in enumerate(zip(truth, predicted, strict=True)):
        scores = scorer.score("\n".join(wanted), "\n".join(given))
        values[i] = [scores[name].fmeasure for name in ROUGE]
    return values


def rouge(
    truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], lead: Sequence[Sequence[str]]
) -> dict[str, float]:
    """The means of `rouge_values` of the summaries, and as `lead_…` those of the documents' first sentences.

    >>> rouge([["It fell."]], [["It fell."]], [["We saw."]])["rouge1"]
    1.0
    """
    values = {}
    for prefix, given in (("", predicted), ("lead_", lead)):
        means = rouge_values(truth, given).mean(0)
        values.update({prefix + name: float(mean) for name, mean in zip(ROUGE, means, strict=True)})
    return values


def of_sentences(labels: Sequence[Sequence[int]], numbers: np.ndarray) -> dict[str, float]:
    """F1, precision and recall of the chosen sentences, over all documents together.

    Args:
        labels: for each document 0 or 1 for each sentence.
        numbers: int [B, K], the chosen sentences, -1 for none.
    """
    truth = np.concatenate([np.zeros(0, int), *labels])
    predicted = np.concatenate([np.zeros(0, int), *flags(labels, numbers)])
    precision, recall, f1, _ = sklearn.metrics.precision_recall_fscore_support(
        truth, predicted, average="binary", zero_division=0
    )
    return {"f1": float(f1), "precision": float(precision), "recall": float(recall)}


def flags(labels: Sequence[Sequence[int]], numbers: np.ndarray) -> list[np.ndarray]:
    """The chosen sentences as 0 or 1 for each sentence of each document."""
    chosen: list[np.ndarray] = [np.zeros(len(label), int) for label in labels]
    for flag, row in zip(chosen, numbers, strict=True):
        flag[row[row >= 0]] = 1
    return chosen


def evaluation(
    task: Summarization,
    examples: Mapping[str, Any],
    answers: dict[str, np.ndarray],
    *,
    token_lengths: np.ndarray,
    data: str,
) -> Answers:
    """What the report draws: the summaries."""
    predicted = texts_of(answers["summary"])
    if "summary" in examples:
        truth = list(examples["summary"])
        quality = rouge_values([[text] for text in truth], [[text] for text in predicted])[:, 0].tolist()
    else:
        documents = sentence_texts(task, examples["document"])
        labelled = zip(documents, examples["labels"], strict=True)
        truth = [" ".join(text for text, label in zip(*row, strict=True) if label) for row in labelled]
        found = zip(examples["labels"], answers["sentence_ids"], strict=True)
        quality = [of_sentences([label], numbers[None])["f1"] for label, numbers in found]
    taken = (answers["sentence_ids"] >= 0).sum(1)
    return Answers(
        texts=examples["document"],
        truth=truth,
        predicted=predicted,
        quality=quality,
        scores=answers["scores"].sum(1) / np.maximum(taken, 1),
        token_lengths=token_lengths,
        metrics=task.metrics(examples, answers),
        data=data,
    )
