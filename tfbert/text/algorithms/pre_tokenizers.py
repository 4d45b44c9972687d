"""The pre-tokenizers of tokenizer.json as classes of characters: where the words of a text begin and end.

Source: `tokenizers`, tokenizers/src/pre_tokenizers. A word is a run of characters of one class. What looks further
than two neighbours, such as regular expressions, is refused by name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from tfbert.errors import ConfigError
from tfbert.text.algorithms import characters
from tfbert.text.algorithms.normalizers import MOST_STEPS
from tfbert.text.vocabulary import WHITE_SPACE

DROPPED, ALONE = "dropped", "alone"  # classes: of no word; each a word by itself
_SPACES = {ord(char): DROPPED for char in WHITE_SPACE}


def classes(pre_tokenizer: Mapping[str, Any] | None) -> dict[int, Any]:
    """Returns {code point: class} of a `pre_tokenizer` of tokenizer.json; those that are not in it are of one more.

    Raises ConfigError: one that classes cannot follow, by its name.

    >>> found = classes({"type": "BertPreTokenizer"})
    >>> found[ord("!")], found[ord(" ")], ord("a") in found
    ('alone', 'dropped', False)
    """
    steps = _flat(pre_tokenizer)
    if len(steps) > MOST_STEPS:
        raise ConfigError(f"{len(steps):,} pre-tokenizers; tfbert follows {MOST_STEPS} at most")
    found: dict[int, Any] = {}
    for number, step in enumerate(steps):
        joined: dict[tuple[Any, Any], Any] = {}  # of all characters that agree, one object
        for code, kind in _CLASSES[step["type"]](step).items():
            both = found.get(code, ()), kind
            if both not in joined:
                joined[both] = _joined(*both, number)
            found[code] = joined[both]
    return found


def _joined(before: Any, kind: Any, number: int) -> Any:
    """The class of a character that had one before a step, "dropped" or "alone" if one of both is."""
    return next((one for one in (DROPPED, ALONE) if one in (before, kind)), None) or (*before, (number, kind))


def _flat(pre_tokenizer: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if pre_tokenizer is None:
        return []
    kind = pre_tokenizer.get("type")
    if kind == "Sequence":
        return [step for inner in pre_tokenizer.get("pretokenizers", ()) for step in _flat(inner)]
    if kind not in _CLASSES:
        raise ConfigError(
            f"the pre-tokenizer {kind}, which tfbert does not have; it has Sequence, {', '.join(_CLASSES)}"
        )
    return [pre_tokenizer]


@functools.cache
def _of(name: str, kind: Any) -> dict[int, Any]:
    return {ord(char): kind for char in characters.named(name)}


def _punctuation(step: Mapping[str, Any]) -> dict[int, Any]:
    behaviors = {"Isolated": ALONE, "Removed": DROPPED, "Contiguous": "punctuation"}
    behavior = step.get("behavior", "Isolated")
    if behavior not in behaviors:
        raise ConfigError(f"the pre-tokenizer Punctuation with {behavior}; tfbert has it with {', '.join(behaviors)}")
    return _of("punctuation", behaviors[behavior])


_CLASSES: dict[Any, Callable[[Mapping[str, Any]], dict[int, Any]]] = {
    "BertPreTokenizer": lambda step: {**_of("punctuation", ALONE), **_SPACES},
    "Whitespace": lambda step: {**_of("word", "word"), **_SPACES},
    "WhitespaceSplit": lambda step: _SPACES,
    "Punctuation": _punctuation,
    "Digits": lambda step: _of("numeric", ALONE if step.get("individual_digits") else "digit"),
    "CharDelimiterSplit": lambda step: {ord(step["delimiter"]): DROPPED},
}
