"""The normalizers of tokenizer.json as a map of characters.

Source: `tokenizers`, tokenizers/src/normalizers. What looks at one character at a time is a map of code points; the
rest, such as Unicode's composed forms and regular expressions, is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfbert.errors import ConfigError
from tfbert.text.algorithms import characters
from tfbert.text.vocabulary import is_unicode

# what of each kind changes no ids where white space is dropped, and is a map of nothing
STRIP = "Strip"
MOST_STEPS = 20  # each looks at all of Unicode
_LONGEST = 100  # characters that a Replace puts in the place of one


def character_map(normalizer: Mapping[str, Any] | None) -> dict[int, str]:
    """Returns {code point: the text that takes its place} of a `normalizer` of tokenizer.json; None is {}.

    Raises ConfigError: one that a map cannot follow, by its name.

    >>> character_map({"type": "Lowercase"})[ord("A")]
    'a'
    """
    steps = flat(normalizer)
    if len(steps) > MOST_STEPS:
        raise ConfigError(f"{len(steps):,} normalizers; tfbert follows {MOST_STEPS} at most")
    _check_order(steps)
    return characters.in_turn(*(_MAPS[step["type"]](step) for step in steps))


def flat(normalizer: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Returns the normalizers of a Sequence, one after the other. Raises ConfigError: one without a map, by name."""
    if normalizer is None:
        return []
    kind = normalizer.get("type")
    if kind == "Sequence":
        return [step for inner in normalizer.get("normalizers", ()) for step in flat(inner)]
    if kind not in _MAPS:
        raise ConfigError(f"the normalizer {kind}, which tfbert does not have; it has Sequence, {', '.join(_MAPS)}")
    return [normalizer]


def _check_order(steps: Sequence[Mapping[str, Any]]) -> None:
    """Raises ConfigError: NFD alone, which sorts marks; where they are deleted afterwards, that does not matter."""
    deletes = [
        i for i, step in enumerate(steps) if step["type"] == "StripAccents" or (_is_bert(step) and _strips(step))
    ]
    for i, step in enumerate(steps):
        if step["type"] == "NFD" and not any(after > i for after in deletes):
            raise ConfigError("the normalizer NFD without StripAccents after it, which tfbert does not have")


def _is_bert(step: Mapping[str, Any]) -> bool:
    return step["type"] == "BertNormalizer"


def _strips(step: Mapping[str, Any]) -> bool:
    """Whether a BertNormalizer strips accents: unless it says so, if it lower-cases."""
    strip = step.get("strip_accents")
    return bool(step.get("lowercase", True)) if strip is None else bool(strip)


def _bert(step: Mapping[str, Any]) -> dict[int, str]:
    maps = []
    if step.get("clean_text", True):
        maps.append(characters.cleaned())
    if step.get("handle_chinese_chars", True):
        maps.append(characters.apart_if_chinese())
    if _strips(step):
        maps += [characters.decomposed(), characters.without_accents()]
    if step.get("lowercase", True):
        maps.append(characters.lowered())
    return characters.in_turn(*maps)


def _replace(step: Mapping[str, Any]) -> dict[int, str]:
    pattern = step.get("pattern", {}).get("String")
    if not isinstance(pattern, str) or len(pattern) != 1:
        raise ConfigError(f"the normalizer Replace of {step.get('pattern')}, and tfbert replaces single characters")
    content = step.get("content", "")
    if not isinstance(content, str) or len(content) > _LONGEST or not is_unicode(content):
        raise ConfigError(
            f"the normalizer Replace by {str(content):.40}, and tfbert replaces by texts of up to {_LONGEST} characters"
        )
    return {ord(pattern): content}


_MAPS: dict[Any, Callable[[Mapping[str, Any]], dict[int, str]]] = {
    "BertNormalizer": _bert,
    "Lowercase": lambda step: characters.lowered(),
    "NFD": lambda step: characters.decomposed(),
    "StripAccents": lambda step: characters.without_accents("combining"),
    "Replace": _replace,
    STRIP: lambda step: {},
}
