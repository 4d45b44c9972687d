"""The rules of a WordPiece tokenizer as tokenizer.json states them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from tfbert.errors import ConfigError
from tfbert.text.algorithms import characters
from tfbert.text.algorithms.normalizers import STRIP, character_map, flat
from tfbert.text.algorithms.pre_tokenizers import DROPPED, classes
from tfbert.text.vocabulary import WHITE_SPACE, is_unicode

CONTINUATION = "##"  # begins each token that continues a word
MAX_WORD_CHARACTERS = 100  # BERT's limit: a longer word is [UNK]
_OWN_WORDS = {"type": "BertPreTokenizer"}


@dataclasses.dataclass(frozen=True)
class Rules:
    """How texts become words, and words tokens.

    Args:
        normalizer, pre_tokenizer: the objects of tokenizer.json; None: the text as it is, all of it one word.
        continuation: what a token begins with that continues a word; "" where nothing tells.
        max_word_characters: a longer word is unknown.

    Raises ConfigError: what tfbert does not have, by name.

    >>> Rules({"type": "Lowercase"}, {"type": "WhitespaceSplit"}).characters[ord("A")]
    'a'
    """

    normalizer: Mapping[str, Any] | None
    pre_tokenizer: Mapping[str, Any] | None
    continuation: str = CONTINUATION
    max_word_characters: int = MAX_WORD_CHARACTERS

    def __post_init__(self) -> None:
        if not isinstance(self.continuation, str) or not is_unicode(self.continuation):
            raise ConfigError(
                f"what begins a token that continues a word must be a text, not {self.continuation!a:.40}"
            )
        if not self._is_plain:
            _ = self.characters, self.classes  # which refuse what they cannot follow
        strips = any(step["type"] == STRIP for step in flat(self.normalizer))
        if strips and not self.drops_white_space:
            raise ConfigError("the normalizer Strip without a pre-tokenizer that drops white space")

    @classmethod
    def of_flags(cls, lower_case: bool, strip_accents: bool | None, tokenize_chinese_chars: bool) -> Rules:
        """Returns BERT's own rules."""
        flags = {"lowercase": lower_case, "strip_accents": strip_accents}
        normalizer = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": tokenize_chinese_chars}
        return cls({**normalizer, **flags}, _OWN_WORDS)

    @functools.cached_property
    def characters(self) -> dict[int, str]:
        """{code point: the text that takes its place}."""
        return character_map(self.normalizer)

    @functools.cached_property
    def classes(self) -> dict[int, Any]:
        """{code point: class}, of which words are runs."""
        return classes(self.pre_tokenizer)

    @property
    def drops_white_space(self) -> bool:
        """Whether no word holds white space, so that more or less of it changes no ids."""
        return all(self.classes.get(ord(char)) == DROPPED for char in WHITE_SPACE)

    @functools.cached_property
    def flags(self) -> tuple[bool, bool, bool]:
        """Whether it lower-cases, strips accents and sets Chinese characters apart."""
        if self._is_plain:
            assert self.normalizer is not None
            lower, strip = (self.normalizer.get(name) for name in ("lowercase", "strip_accents"))
            return bool(lower), bool(lower if strip is None else strip), bool(self.normalizer["handle_chinese_chars"])
        becomes = {char: self.characters.get(ord(char), char) for char in "Aé字"}
        return becomes["A"] == "a", becomes["é"] == "e", becomes["字"] == " 字 "

    @functools.cached_property
    def is_bert(self) -> bool:
        """Whether they are BERT's own, with these flags."""
        limits = (self.continuation, self.max_word_characters)
        if limits != (CONTINUATION, MAX_WORD_CHARACTERS):
            return False
        if self.pre_tokenizer != _OWN_WORDS and self.classes != _own_classes():
            return False
        if self._is_plain:
            return True
        theirs = characters.bert_normalizer(*self.flags)
        return _changes(self.characters) == _changes(theirs)

    def lowered(self) -> Rules:
        """Returns these rules with a Lowercase before them, unless they have one."""
        steps = flat(self.normalizer)
        if any(step["type"] == "Lowercase" for step in steps):
            return self
        normalizers = [{"type": "Lowercase"}, *steps]
        return dataclasses.replace(self, normalizer={"type": "Sequence", "normalizers": normalizers})

    @property
    def _is_plain(self) -> bool:
        """Whether the normalizer is BERT's by name; else the maps are compared."""
        kinds = {"lowercase": (bool,), "strip_accents": (bool, type(None)), "handle_chinese_chars": (bool,)}
        given = self.normalizer or {}
        named = given.get("type") == "BertNormalizer" and given.get("clean_text") is True
        return named and all(name in given and isinstance(given[name], kind) for name, kind in kinds.items())

    def to_json(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


@functools.cache
def _own_classes() -> dict[int, Any]:
    return classes(_OWN_WORDS)


def _changes(by_character: Mapping[int, str]) -> dict[int, str]:
    return {code: text for code, text in by_character.items() if text != chr(code)}
