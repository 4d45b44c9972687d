"""Plain Python for what question answering computes: slow decoder, and the official scripts' definitions."""

import collections
import re
import string

# The decoder: every pair of tokens of every window.


def decoded(context, features, logits, windows, n_best, answer_length):
    """The best (score, byte_start, byte_end, start, end, text) of one text, and its null score."""
    context, spans, null_scores = context.encode(), [], []
    for w in windows:
        null_scores.append(logits[w][0][0] + logits[w][0][1])
        offsets, characters = features["byte_offsets"][w], features["character_offsets"][w]
        tokens = [
            s for s in range(len(offsets)) if features["segment_ids"][w][s] == 1 and offsets[s][1] > offsets[s][0]
        ]
        for first in tokens:
            if not features["best_context"][w][first]:
                continue
            for last in tokens:
                if first <= last < first + answer_length:
                    place = (offsets[first][0], offsets[last][1], characters[first][0], characters[last][1])
                    spans.append((logits[w][first][0] + logits[w][last][1], *map(int, place)))
    spans.sort(key=lambda span: -span[0])
    seen, kept = set(), []
    for span in spans[:n_best]:
        if span[1:3] not in seen:
            seen.add(span[1:3])
            kept.append((*span, context[span[1] : span[2]].decode()))
    return kept, min(null_scores)


# SQuAD's evaluation, versions 1.1 and 2.0.


def normalize_answer(text):
    text = "".join(character for character in text.lower() if character not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def f1_of_version_1(prediction, truth):
    prediction, truth = normalize_answer(prediction).split(), normalize_answer(truth).split()
    same = sum((collections.Counter(prediction) & collections.Counter(truth)).values())
    if same == 0:
        return 0
    precision, recall = same / len(prediction), same / len(truth)
    return 2 * precision * recall / (precision + recall)


def version_1(golds, predictions):
    """Exact match and F1, 0..1."""
    exact = f1 = 0
    for truths, prediction in zip(golds, predictions, strict=True):
        exact += max(normalize_answer(prediction) == normalize_answer(truth) for truth in truths)
        f1 += max(f1_of_version_1(prediction, truth) for truth in truths)
    return exact / len(golds), f1 / len(golds)


def f1_of_version_2(truth, prediction):
    truth_tokens, tokens = normalize_answer(truth).split(), normalize_answer(prediction).split()
    if not truth_tokens or not tokens:
        return int(truth_tokens == tokens)
    return f1_of_version_1(prediction, truth)


def version_2(golds, predictions):
    """Exact match and F1 of each question."""
    exact, f1 = [], []
    for truths, prediction in zip(golds, predictions, strict=True):
        truths = [truth for truth in truths if normalize_answer(truth)] or [""]
        exact.append(max(int(normalize_answer(truth) == normalize_answer(prediction)) for truth in truths))
        f1.append(max(f1_of_version_2(truth, prediction) for truth in truths))
    return exact, f1


def find_best_thresh(predictions, scores, na_probs, has_ans):
    """(best mean score, threshold): above it there is no answer."""
    current = best = sum(not answered for answered in has_ans)
    threshold = 0.0
    for i in sorted(range(len(scores)), key=lambda k: na_probs[k]):
        if has_ans[i]:
            current += scores[i]
        elif predictions[i]:
            current -= 1
        if current > best:
            best, threshold = current, na_probs[i]
    return best / len(scores), threshold


# CMRC 2018's evaluation; `word_tokenize` is NLTK's there.

CMRC_MARKS = [*"-:_*^/\\~`+=，。：？！“”；’《》", "……", *"·、「」（）－～『』"]


def mixed_segmentation(text, word_tokenize):
    segments, other = [], ""
    for character in text.lower().strip():
        if character in CMRC_MARKS:
            continue
        if re.search(r"[\u4e00-\u9fa5]", character):
            if other:
                segments.extend(word_tokenize(other))
                other = ""
            segments.append(character)
        else:
            other += character
    return segments + (word_tokenize(other) if other else [])


def find_lcs(one, other):
    lengths = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    longest = 0
    for i in range(len(one)):
        for j in range(len(other)):
            if one[i] == other[j]:
                lengths[i + 1][j + 1] = lengths[i][j] + 1
                longest = max(longest, lengths[i + 1][j + 1])
    return longest


def cmrc(golds, predictions, word_tokenize):
    """Exact match and F1, 0..1."""
    exact = f1 = 0
    for truths, prediction in zip(golds, predictions, strict=True):
        scores = []
        for truth in truths:
            one, other = mixed_segmentation(truth, word_tokenize), mixed_segmentation(prediction, word_tokenize)
            common = find_lcs(one, other)
            if common == 0:
                scores.append(0)
                continue
            precision, recall = common / len(other), common / len(one)
            scores.append(2 * precision * recall / (precision + recall))
        f1 += max(scores)

        def bare(text):
            return "".join(character for character in text.lower().strip() if character not in CMRC_MARKS)

        exact += any(bare(truth) == bare(prediction) for truth in truths)
    return exact / len(golds), f1 / len(golds)
