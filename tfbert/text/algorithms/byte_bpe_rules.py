"""The rules of byte-level byte-pair encoding as tokenizer.json states them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfbert.errors import ConfigError
from tfbert.text.algorithms.normalizers import MOST_STEPS, character_map

FORMS = ("NFC", "NFD", "NFKC", "NFKD")  # Unicode's, which no map of characters can follow
# GPT-2's regular expression, as files spell it that split by it before ByteLevel. Source: openai/gpt-2, src/encoder.py.
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


@dataclasses.dataclass(frozen=True)
class ByteBpeRules:
    """How texts become words, and words tokens, as GPT-2, RoBERTa, GPT-NeoX and ModernBERT do it.

    Args:
        add_prefix_space: put a space before a text, and before what follows a special or added token in it.
        trim_offsets: leave the white space of tokens out of their offsets.
        trim_keeps_first_space: of a text's first token, leave one space in, as if `add_prefix_space` had put it there.
        normalizer: the object of tokenizer.json; None: the text as it is. Unicode's forms and maps of characters.
        has_unknown: bytes whose letters the vocabulary lacks are unknown; else it must have all.

    Raises ConfigError: what tfbert does not have, by name.

    >>> ByteBpeRules(normalizer={"type": "NFC"}).steps
    ['NFC']
    """

    add_prefix_space: bool = False
    trim_offsets: bool = True
    trim_keeps_first_space: bool = False
    normalizer: Mapping[str, Any] | None = None
    has_unknown: bool = False

    def __post_init__(self) -> None:
        for field in ("add_prefix_space", "trim_offsets", "trim_keeps_first_space", "has_unknown"):
            if not isinstance(getattr(self, field), bool):
                raise ConfigError(f"{field} must be true or false, not {getattr(self, field)!r:.40}")
        _ = self.steps  # which refuses what it cannot follow

    @property
    def steps(self) -> list[str | dict[int, str]]:
        """The normalizers in turn: the name of a form of Unicode's, or {code point: the text that takes its place}."""
        found: list[str | dict[int, str]] = []
        steps = _flat(self.normalizer)
        if len(steps) > MOST_STEPS:
            raise ConfigError(f"{len(steps):,} normalizers; tfbert follows {MOST_STEPS} at most")
        for step in steps:
            kind = step.get("type")
            if kind == "Strip":
                raise ConfigError("the normalizer Strip, which tfbert does not have for byte-level BPE")
            found.append(str(kind) if kind in FORMS else character_map(step))
        return found

    def lowered(self) -> ByteBpeRules:
        """Returns these rules with a Lowercase before them, unless they have one."""
        steps = _flat(self.normalizer)
        if any(step.get("type") == "Lowercase" for step in steps):
            return self
        return dataclasses.replace(
            self, normalizer={"type": "Sequence", "normalizers": [{"type": "Lowercase"}, *steps]}
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def _flat(normalizer: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if normalizer is None:
        return []
    if not isinstance(normalizer, Mapping):
        raise ConfigError(f"the normalizer must be an object, not {normalizer!r:.40}")
    if normalizer.get("type") == "Sequence":
        return [step for inner in normalizer.get("normalizers", ()) for step in _flat(inner)]
    return [normalizer]
