"""The metrics of question answering, as the evaluation scripts of published sets define them; see `languages`."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfbert.tasks.columns import texts_of
from tfbert.tasks.evaluation import Answers
from tfbert.tasks.question_answering.languages import form, words

if TYPE_CHECKING:
    from tfbert.tasks.question_answering.task import QuestionAnswering


def exact_match(gold: str, predicted: str, language: str = "en") -> float:
    """1.0 where two answers are the same but for case, punctuation and articles, as the language has them; else 0.0.

    >>> exact_match("The Denver Broncos", "denver broncos.")
    1.0
    """
    return float(form(gold, language) == form(predicted, language))


def f1(gold: str, predicted: str, language: str = "en", *, unanswerable: bool = False) -> float:
    """The F1 of an answer: of `words` in common, or for "zh" of the longest run of them in common.

    `unanswerable` counts two answers without a word as equal, as SQuAD 2.0 does.

    >>> f1("Denver Broncos", "the Broncos")
    0.6666666666666666
    """
    wanted, given = words(gold, language), words(predicted, language)
    if language == "zh":
        common = _longest_run(wanted, given)
    else:
        common = sum((collections.Counter(wanted) & collections.Counter(given)).values())
    if unanswerable and not (wanted and given):
        return float(wanted == given)
    return 2 * common / (len(wanted) + len(given)) if common else 0.0


def values(
    golds: Sequence[Sequence[str]], predicted: Sequence[str], *, language: str = "en", unanswerable: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """F1 and exact match of each question, float [B] each: the best over its gold answers.

    Args:
        golds: a list of texts for each question, [] for none.
        predicted: a text for each question, "" for none.
    """
    pairs = []
    for gold, answer in zip(golds, predicted, strict=True):
        if unanswerable:  # SQuAD 2.0 counts what is nothing but articles and punctuation as no answer
            gold = [text for text in gold if language == "zh" or words(text, language)]
        gold = gold or [""]
        pairs.append(
            (
                max(f1(text, answer, language, unanswerable=unanswerable) for text in gold),
                max(exact_match(text, answer, language) for text in gold),
            )
        )
    return tuple(np.array(pairs, np.float64).reshape(-1, 2).T)


def metrics(
    golds: Sequence[Sequence[str]], predicted: Sequence[str], *, language: str = "en", unanswerable: bool = False
) -> dict[str, float]:
    """{"f1", "exact_match"} from 0 to 1; where `unanswerable` also has_answer_f1 and no_answer_f1.

    NaN where undefined.

    >>> metrics([["Rome"], ["Paris"]], ["Rome", "London"])
    {'f1': 0.5, 'exact_match': 0.5}
    """
    by_question, exact = values(golds, predicted, language=language, unanswerable=unanswerable)
    found = {"f1": _mean(by_question), "exact_match": _mean(exact)}
    if unanswerable:
        has_answer = np.array([bool(gold) for gold in golds], bool)
        found["has_answer_f1"] = _mean(by_question[has_answer])
        found["no_answer_f1"] = _mean(by_question[~has_answer])
    return found


def best_threshold(
    golds: Sequence[Sequence[str]], best_spans: Sequence[str], differences: np.ndarray, *, language: str = "en"
) -> float:
    """The difference of null score and best span's from which on (above it) no answer gives the best F1.

    Source: find_best_thresh of SQuAD 2.0's evaluation script.

    Args:
        best_spans: the best answer of each question that is not "".
        differences: float [B].
    """
    differences = np.asarray(differences, np.float64)
    answered, _ = values(golds, best_spans, language=language, unanswerable=True)
    unanswered, _ = values(golds, [""] * len(golds), language=language, unanswerable=True)
    order = np.argsort(differences, kind="stable")
    levels, ends = np.unique(differences[order], return_index=True)
    ends = np.append(ends[1:], len(order))  # questions answered with the threshold at each level
    gains = np.concatenate([[0.0], np.cumsum((answered - unanswered)[order])[ends - 1]])
    best = int(gains.argmax())
    if best == 0:
        return float(levels[0] - 1.0)
    # Beyond the level, so that rounding changes no decision, and at most half way to the next.
    beyond = min((levels[best] - levels[best - 1]) / 2, 1.0) if best < len(levels) else 1.0
    return float(levels[best - 1] + beyond)


def evaluation(
    task: QuestionAnswering,
    examples: Mapping[str, Any],
    answers: dict[str, np.ndarray],
    *,
    token_lengths: np.ndarray,
    data: str,
) -> Answers:
    """What the report draws: the answers to each question."""
    predicted = texts_of(answers["answer"])
    quality, _ = values(examples["answers"], predicted, **task.scoring(examples))
    pairs = zip(examples["question"], examples["context"], strict=True)
    return Answers(
        texts=[f"{question}\n{context}" for question, context in pairs],
        truth=[" | ".join(dict.fromkeys(texts)) or "(no answer)" for texts in examples["answers"]],
        predicted=[text or "(no answer)" for text in predicted],
        quality=quality,
        scores=answers["score"],
        token_lengths=token_lengths,
        metrics=task.metrics(examples, answers),
        data=data,
    )


def _longest_run(left, right):
    """How many segments the longest run that two lists share has."""
    longest, before = 0, [0] * (len(right) + 1)
    for segment in left:
        here = [0] * (len(right) + 1)
        for i, other in enumerate(right):
            if segment == other:
                here[i + 1] = before[i] + 1
        longest, before = max(longest, *here), here
    return longest


def _mean(array):
    return float(array.mean()) if len(array) else float("nan")
