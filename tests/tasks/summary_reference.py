"""Tokens' logits -> summaries in plain Python, a sentence at a time: what the graph is held against."""

import math
import unicodedata


def summaries_of(documents, sentences, features, outputs, limits, block_ngrams):
    """The chosen sentences of each document, in its order: (number in the document, probability).

    Args:
        documents: B str.
        sentences: for each document its sentences, (first byte, byte after the last).
        features: numpy arrays of `Tokenizer.windows`: rows, byte_offsets, best_context.
        outputs: logits [W, S].
        limits: for each document the sentences at most.
    """
    return [
        _summary(document.encode(), spans, _windows(features, row), outputs, limits[row], block_ngrams)
        for row, (document, spans) in enumerate(zip(documents, sentences, strict=True))
    ]


def _windows(features, row):
    """(number of the window, its tokens as (place, first byte, is in its best context))."""
    for window, of in enumerate(features["rows"]):
        if of == row:
            tokens = [
                (place, begin, best)
                for place, ((begin, end), best) in enumerate(
                    zip(features["byte_offsets"][window].tolist(), features["best_context"][window], strict=True)
                )
                if end > begin
            ]
            yield window, tokens


def _summary(document, spans, windows, outputs, limit, block_ngrams):
    windows = list(windows)
    scores = {}
    for number, (first, after) in enumerate(spans):
        candidates = []
        for window, tokens in windows:
            own = [(place, best) for place, begin, best in tokens if first <= begin < after]
            candidates.append((len(own), sum(best for _, best in own), -window, own))
        size, _, negative, own = max(candidates)
        if size:
            logit = sum(float(outputs[-negative, place]) for place, _ in own) / size
            scores[number] = 1 / (1 + math.exp(-logit))
    taken, known = [], set()
    for number in sorted(scores, key=lambda number: -scores[number]):
        if len(taken) == limit:
            break
        words = words_of(document[slice(*spans[number])].decode())
        grams = {tuple(words[i : i + block_ngrams]) for i in range(len(words) - block_ngrams + 1)}
        if block_ngrams and grams & known:
            continue
        known |= grams
        taken.append(number)
    return [(number, scores[number]) for number in sorted(taken)]


def words_of(text):
    """Runs of letters, digits and accents in lower case; Chinese and Japanese characters one by one."""
    words, word = [], ""
    for character in text.lower():
        if unicodedata.name(character, "").startswith(("CJK UNIFIED", "HIRAGANA", "KATAKANA")):
            words += [word, character]
            word = ""
        elif unicodedata.category(character)[0] in "LNM":
            word += character
        else:
            words.append(word)
            word = ""
    return [word for word in [*words, word] if word]
