"""Windows' scores -> entities in plain Python, a token at a time: what the graph is held against. W windows."""

import collections

import numpy as np


def entities_of(text, labels, features, outputs):
    """The entities of each text: (label, text, start, end, byte_start, byte_end, word, word after, score).

    Args:
        text: B str, or B lists of str.
        features: numpy arrays [W, ...].
        outputs: logits [W, S, C], or a dict of them and trained transitions [C, C], of each tag after each.
    """
    transitions = None
    if isinstance(outputs, dict):
        transitions, outputs = outputs["transitions"], outputs["logits"]
    windows = collections.defaultdict(list)
    for window, row in enumerate(features["rows"]):
        windows[row].append(window)
    return [_of_text(part, labels, windows[row], features, outputs, transitions) for row, part in enumerate(text)]


def _of_text(text, labels, windows, features, outputs, transitions):
    words = {}  # number -> [log probabilities, (start, end), (byte_start, byte_end)]
    for window, place in _best_places(windows, features):
        word = features["word_ids"][window, place]
        spans = [features[name][window, place].tolist() for name in ("character_offsets", "byte_offsets")]
        if word not in words:
            logits = outputs[window, place].astype(np.float64)
            words[word] = [logits - np.logaddexp.reduce(logits), *spans]
        for known, span in zip(words[word][1:], spans, strict=True):
            known[1] = span[1]
    if isinstance(text, list):
        for number, values in words.items():
            before = " ".join([*text[:number], ""])
            values[1] = [len(before), len(before + text[number])]
            values[2] = [len(before.encode()), len((before + text[number]).encode())]
        text = " ".join(text)
    names = ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]
    numbers = sorted(words)
    rows = [words[number][0] for number in numbers]
    tags = _best_tags(rows, names, transitions)
    likely = rows if transitions is None else _log_probabilities(rows, names, transitions)
    found = []
    for number, tag, scores in zip(numbers, tags, likely, strict=True):
        _, (start, end), (byte_start, byte_end) = words[number]
        score = np.exp(scores[names.index(tag)])
        if tag.startswith("B-"):
            found.append([tag[2:], start, end, byte_start, byte_end, number, number + 1, [score]])
        elif tag.startswith("I-"):
            found[-1][2], found[-1][4], found[-1][6] = end, byte_end, number + 1
            found[-1][7].append(score)
    return [(label, text[start:end], start, end, *more, np.mean(scores)) for label, start, end, *more, scores in found]


def _best_places(windows, features):
    """(window, position) of each token of a text in order, where run_squad.py's rule sees it best."""
    spans, begin = [], 0
    for window in windows:
        inside = np.flatnonzero(features["word_ids"][window] >= 0)
        if spans:  # the overlap is where the last window's tokens are this one's first
            stride = next(n for n in range(len(inside), -1, -1) if _same(features, spans[-1], (window, inside), n))
            begin += len(spans[-1][1]) - stride
        spans.append((window, inside, begin))
    for token in range(begin + len(spans[-1][1])):
        scored = [
            (min(token - first, first + len(inside) - 1 - token) + 0.01 * len(inside), -k)
            for k, (_, inside, first) in enumerate(spans)
            if first <= token < first + len(inside)
        ]
        window, inside, first = spans[-max(scored)[1]]
        yield window, inside[token - first]


def _same(features, before, after, count):
    (window, inside, *_), (other, others) = before, after
    names = ("token_ids", "word_ids")
    return all(
        features[name][window, inside[len(inside) - count :]].tolist() == features[name][other, others[:count]].tolist()
        for name in names
    )


def _best_tags(scores, names, transitions):
    """Viterbi's algorithm over {tag: (score, tags so far)}."""
    paths = {"O": (0.0, [])}
    for number, row in enumerate(scores):
        new = {}
        for tag, score in zip(names, row, strict=True):
            allowed = [f"B-{tag[2:]}", tag] if tag.startswith("I-") else names
            before = [paths[name] for name in allowed if name in paths]
            if transitions is not None and number:  # before the first word is no tag
                before = [
                    (so_far + transitions[names.index(name), names.index(tag)], tags)
                    for name, (so_far, tags) in paths.items()
                    if name in allowed
                ]
            if before:
                best = max(before, key=lambda path: path[0])
                new[tag] = (best[0] + score, [*best[1], tag])
        paths = new
    return max(paths.values(), key=lambda path: path[0])[1]


def _log_probabilities(rows, names, transitions):
    """Of each tag at each word among all rows of tags: the sum over all that may stand before it, and after it."""

    def allowed(before, tag):
        return not tag.startswith("I-") or before in (f"B-{tag[2:]}", tag)

    forbidden = np.array([[0.0 if allowed(before, tag) else -np.inf for tag in names] for before in names])
    pairs, before, after = transitions.astype(np.float64) + forbidden, [], []
    for number, row in enumerate(rows):
        reached = np.logaddexp.reduce(before[-1][:, None] + pairs, 0) if number else forbidden[0]
        before.append(row + reached)
    for number in reversed(range(len(rows))):
        is_last = number == len(rows) - 1
        after.append(np.zeros(len(names)) if is_last else np.logaddexp.reduce(pairs + rows[number + 1] + after[-1], 1))
    total = [one + other for one, other in zip(before, reversed(after), strict=True)]
    return [row - np.logaddexp.reduce(row) for row in total]
