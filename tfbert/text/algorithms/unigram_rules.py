"""How texts are prepared for a SentencePiece model, as tokenizer.json states it.

Source: `tokenizers`, tokenizers/src/normalizers and pre_tokenizers/metaspace.rs. A model's own map (`Precompiled`)
comes last; what stands before it is a map of single characters. White space is SentencePiece's: one space for
several, none at both ends. What does something else is refused by name.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import itertools
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from tfbert.errors import ConfigError
from tfbert.text.algorithms import characters
from tfbert.text.algorithms.normalizers import MOST_STEPS, character_map
from tfbert.text.vocabulary import WHITE_SPACE

QUOTES = ("``", "''")  # double quotes as TeX writes them
_QUOTE = '"'
_NFKD, _STRIP_ACCENTS = "NFKD", "StripAccents"
# of transformers 5; of several other characters of white space, such as no-break spaces, each stays one here
_ANY_SPACES = r"\s{2,}|[\n\r\t]"
_MAPS = ("Lowercase", "NFD", _NFKD, _STRIP_ACCENTS, "Replace")
_HAVE = ("Sequence", "Precompiled", "NFC", "Strip", "Replace of white space", *_MAPS)


@dataclasses.dataclass(frozen=True)
class SentencePieceRules:
    """What happens to a text before a SentencePiece model's own normalizer.

    Args:
        steps: normalizers of tokenizer.json, each a map of characters.
        composes: bring texts into Unicode's form NFC, before the steps.
        quotes: make a double quote of two grave accents and of two apostrophes, before the steps.
        splits_white_space: words are cut apart at white space, and no token covers any; else each word's first
            token covers the space before it.

    Raises ConfigError: a step that is no map of characters, by name.

    >>> SentencePieceRules(({"type": "Lowercase"},)).characters[ord("A")]
    'a'
    """

    steps: tuple[Mapping[str, Any], ...] = ()
    quotes: bool = False
    splits_white_space: bool = True
    composes: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))  # JSON has lists
        _ = self.characters

    @functools.cached_property
    def characters(self) -> dict[int, str]:
        """{code point: the text that takes its place} of the steps; {} for none."""
        if not self.steps:
            return {}
        _check(self.steps)
        maps = [_compatible() if step["type"] == _NFKD else character_map(step) for step in _ordered(self.steps)]
        if self.splits_white_space:
            maps.append({ord(char): " " for char in WHITE_SPACE if char not in "\v"})
        return characters.in_turn(*maps)

    def to_json(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {**dataclasses.asdict(self), "steps": [dict(step) for step in self.steps]}


def read_rules(
    normalizer: Mapping[str, Any] | None, pre_tokenizer: Mapping[str, Any] | None
) -> tuple[SentencePieceRules, bytes]:
    """Returns the rules, and the model's own map of characters, of a tokenizer.json's normalizer and pre-tokenizer.

    Raises ConfigError: what tfbert does not have, by name.

    >>> read_rules(None, {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace"}]})
    (SentencePieceRules(steps=(), quotes=False, splits_white_space=True, composes=False), b'')
    """
    splits = _read_pre_tokenizer(pre_tokenizer)
    steps: list[Mapping[str, Any]] = []
    charsmap, quotes, composes, kept = None, [], False, {"collapsed", "stripped"}
    for step in _flat(normalizer, "normalizers", "normalizer"):
        kind = step.get("type")
        if kind == "Precompiled" and charsmap is None:
            charsmap = _decoded(step)
        elif kind == "Strip" and step.get("strip_right", True):
            kept.discard("stripped")
        elif kind == "Replace" and _is_white_space(step):
            kept.discard("collapsed")
            if _regex(step) == _ANY_SPACES:
                steps += [{"type": "Replace", "pattern": {"String": char}, "content": " "} for char in "\n\r\t"]
        elif kind == "NFC" and charsmap is None and all(step["type"] == "Replace" for step in steps):
            composes = True
        elif charsmap is not None:
            raise ConfigError(f"the normalizer {_name(step)} after Precompiled, which tfbert does not have")
        elif kind == "Replace" and _pattern(step) in QUOTES and step.get("content") == _QUOTE and not steps:
            quotes.append(_pattern(step))
        elif kind in _MAPS:
            steps.append(step)
        else:
            raise ConfigError(f"the normalizer {_name(step)}, which tfbert does not have; it has {', '.join(_HAVE)}")
    if quotes not in ([], list(QUOTES)):
        raise ConfigError(f"the normalizer Replace of {' and '.join(quotes)}; tfbert has both {' and '.join(QUOTES)}")
    if not splits and "collapsed" in kept:
        raise ConfigError(
            "the pre-tokenizer Metaspace without WhitespaceSplit, or a normalizer that makes one space of several: "
            "each space would be a token"
        )
    if not splits and "stripped" in kept:
        logging.warning("texts that end in white space get no token for it, as of SentencePiece's own library")
    return SentencePieceRules(tuple(steps), bool(quotes), splits, composes), charsmap or b""


def written(rules: SentencePieceRules, charsmap: bytes) -> dict[str, Any]:
    """Returns `normalizer`, `pre_tokenizer` and `decoder` of a tokenizer.json: the inverse of `read_rules`."""
    steps: list[Mapping[str, Any]] = []
    if rules.quotes:
        steps += [{"type": "Replace", "pattern": {"String": two}, "content": _QUOTE} for two in QUOTES]
    steps += [{"type": "NFC"}] if rules.composes else []
    steps += rules.steps
    if not rules.splits_white_space:
        steps.append({"type": "Strip", "strip_left": True, "strip_right": True})
    if charsmap:
        steps.append({"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode("ascii")})
    if not rules.splits_white_space:
        steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    splitters = [{"type": "WhitespaceSplit"}, metaspace] if rules.splits_white_space else [metaspace]
    return {
        "normalizer": {"type": "Sequence", "normalizers": steps} if steps else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": splitters},
        "decoder": metaspace,
    }


def _read_pre_tokenizer(pre_tokenizer: Mapping[str, Any] | None) -> bool:
    """Whether words are cut apart at white space. Raises ConfigError: another pre-tokenizer than Metaspace, by name."""
    steps = _flat(pre_tokenizer, "pretokenizers", "pre-tokenizer")
    kinds = [step.get("type") for step in steps]
    if kinds not in (["Metaspace"], ["WhitespaceSplit", "Metaspace"]):
        found = ", ".join(map(str, kinds)) or "none"
        raise ConfigError(
            f"the pre-tokenizer {found}, and a SentencePiece model takes Metaspace, or WhitespaceSplit before it"
        )
    metaspace = steps[-1]
    expected = {"replacement": ("▁",), "add_prefix_space": (True,), "prepend_scheme": ("always",), "split": (True,)}
    for key, values in expected.items():
        if metaspace.get(key, values[0]) not in values:
            raise ConfigError(
                f"the pre-tokenizer Metaspace with {key} {metaspace[key]!r:.40}; tfbert has {values[0]!r}"
            )
    return len(steps) == 2


def _flat(step: Mapping[str, Any] | None, key: str, what: str) -> list[Mapping[str, Any]]:
    """The steps of a Sequence, one after the other."""
    if step is None:
        return []
    if step.get("type") != "Sequence":
        return [step]
    found = [each for inner in step.get(key, ()) for each in _flat(inner, key, what)]
    if len(found) > MOST_STEPS:
        raise ConfigError(f"{len(found):,} {what}s; tfbert follows {MOST_STEPS} at most")
    return found


def _check(steps: Sequence[Mapping[str, Any]]) -> None:
    """Raises ConfigError: a form of Unicode without StripAccents after it, which sorts marks."""
    kinds = [step["type"] for step in steps]
    for number, kind in enumerate(kinds):
        if kind not in _MAPS:
            raise ConfigError(f"the normalizer {kind}, which is no map of characters; tfbert has {', '.join(_MAPS)}")
        if kind in (_NFKD, "NFD") and _STRIP_ACCENTS not in kinds[number:]:
            raise ConfigError(f"the normalizer {kind} without StripAccents after it, which tfbert does not have")


def _ordered(steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The steps with NFD as its map and StripAccents."""
    return [
        {"type": "Sequence", "normalizers": [step, {"type": _STRIP_ACCENTS}]} if step["type"] == "NFD" else step
        for step in steps
    ]


def _decoded(step: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(step["precompiled_charsmap"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise ConfigError(f"the normalizer Precompiled, whose precompiled_charsmap is not base64: {error}") from None


def _pattern(step: Mapping[str, Any]) -> Any:
    pattern = step.get("pattern")
    return pattern.get("String") if isinstance(pattern, Mapping) else None


def _regex(step: Mapping[str, Any]) -> Any:
    pattern = step.get("pattern")
    return pattern.get("Regex") if isinstance(pattern, Mapping) else None


def _is_white_space(step: Mapping[str, Any]) -> bool:
    """Whether a Replace makes one space of several."""
    return _regex(step) in (" {2,}", _ANY_SPACES) and step.get("content") in (" ", "▁")


def _name(step: Mapping[str, Any]) -> str:
    kind = step.get("type")
    return (
        f"Replace of {str(step.get('pattern')):.60} by {step.get('content')!r:.40}" if kind == "Replace" else str(kind)
    )


# Characters with a compatible form that came after the Unicode of `tokenizers`, by blocks.
_LATER = (
    *(range(0x32FF, 0x3300), range(0xA7F1, 0xA7F5), range(0xAB69, 0xAB6A), range(0x105C0, 0x10600)),
    *(
        range(0x10780, 0x107C0),
        range(0x11938, 0x11939),
        range(0x11380, 0x11400),
        range(0x16100, 0x16140),
        range(0x16D40, 0x16D80),
    ),
    *(range(0x1CC00, 0x1CD00), range(0x1E030, 0x1E090), range(0x1F16C, 0x1F16D), range(0x1FBF0, 0x1FBFA)),
)


@functools.cache
def _compatible() -> dict[int, str]:
    """The map of Unicode's form NFKD, which also sorts adjacent marks; that a map cannot do."""
    codes = itertools.chain(range(0xD800), range(0xE000, 0x110000))
    found = {code: unicodedata.normalize("NFKD", chr(code)) for code in codes}
    later = set(itertools.chain(*_LATER))
    return {code: text for code, text in found.items() if text != chr(code) and code not in later}
