"""The tokens that texts spell out and that stay whole."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Any

from tfbert.errors import ConfigError, VocabularyError
from tfbert.text.vocabulary import Vocabulary

_UNUSED = re.compile(r"\[unused\d+\]")  # BERT's vocabularies keep such tokens free


@dataclasses.dataclass(frozen=True)
class SpecialTokens:
    """The names that a vocabulary gives to its special tokens. It must have all but `mask`.

    >>> special = SpecialTokens(unknown="<unk>")
    >>> special.unknown, special.mask, "<unk>" in special
    ('<unk>', '[MASK]', True)
    """

    unknown: str = "[UNK]"
    start: str = "[CLS]"
    separator: str = "[SEP]"
    padding: str = "[PAD]"
    mask: str = "[MASK]"

    def __iter__(self) -> Iterator[str]:
        return iter(dataclasses.astuple(self))

    def __post_init__(self) -> None:
        for name, token in vars(self).items():
            if not isinstance(token, str):
                raise ConfigError(f"the name of the {name} token must be a text, not {str(token):.40}")

    def check(self, vocabulary: Vocabulary) -> None:
        """Raises a VocabularyError that names what the vocabulary lacks."""
        names = (self.unknown, self.start, self.separator, self.padding)
        missing = [name for name in names if name not in vocabulary]
        if missing:
            raise VocabularyError(
                f"{vocabulary.source} lacks {', '.join(missing)}; name what it has for "
                f"{', '.join(names)}: special_tokens=SpecialTokens(unknown=…, start=…, separator=…, padding=…), or "
                "unk_token, cls_token, sep_token, pad_token of tokenizer_config.json"
            )

    def mask_id(self, vocabulary: Vocabulary) -> int:
        """Returns the id of the mask. Raises a VocabularyError where the vocabulary has none."""
        if self.mask not in vocabulary:
            raise VocabularyError(
                f"{vocabulary.source} has no {self.mask}, which pretraining needs and fill-mask fills"
            )
        return vocabulary[self.mask]

    def spelling_all(self, vocabulary: Vocabulary) -> SpecialTokens:
        """Returns them for a vocabulary that spells every text: the separator stands for a missing unknown token."""
        return self if self.unknown in vocabulary else dataclasses.replace(self, unknown=self.separator)

    def in_vocabulary(self, vocabulary: Vocabulary) -> list[str]:
        """Returns the names that the vocabulary has: all, or all but the mask."""
        return [name for name in self if name in vocabulary]


BERT_TOKENS = SpecialTokens()
ANGLE_TOKENS = SpecialTokens("<unk>", "<s>", "</s>", "<pad>", "<mask>")  # of fairseq's models


@dataclasses.dataclass(frozen=True)
class AddedToken:
    """A token of the vocabulary that is whole wherever a text spells it, inside a word too.

    Args:
        content: the token, as it stands in the vocabulary.
        normalized: find it in the normalized text, where it is normalized as well, rather than in the text itself.
        special: leave it out of detokenized text.
        lstrip, rstrip: it takes the white space before or after it along. Where an algorithm drops white space, as
            BERT's, that changes no ids.

    As Hugging Face's AddedToken.

    >>> AddedToken("<mask>", lstrip=True)
    AddedToken(content='<mask>', normalized=False, special=False, lstrip=True, rstrip=False)
    """

    content: str
    normalized: bool = False
    special: bool = False
    lstrip: bool = False
    rstrip: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.content, str) or not self.content:
            raise VocabularyError(f"an added token is a text, not {self.content!r}")
        for name in ("normalized", "special", "lstrip", "rstrip"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"the added token {self.content!r:.80}: {name} must be true or false")

    def to_json(self) -> dict[str, Any]:
        """Returns it as Hugging Face's files have it."""
        return {**vars(self), "single_word": False}


def check_added(tokens: Iterable[AddedToken], vocabulary: Vocabulary) -> tuple[AddedToken, ...]:
    """Returns the AddedTokens as a tuple, once each. Raises ConfigError or VocabularyError."""
    tokens = tuple(tokens)
    for token in tokens:
        if not isinstance(token, AddedToken):
            raise ConfigError(f"added_tokens holds {token!r}; expected tfbert.text.AddedToken")
        if token.content not in vocabulary:
            raise VocabularyError(f"{vocabulary.source} lacks the added token {token.content!r}")
    return tuple(dict.fromkeys(tokens))


def are_special(vocabulary: Vocabulary, special: SpecialTokens, added: Iterable[AddedToken]) -> list[bool]:
    """Returns for each token of a vocabulary whether it is left out of readable text."""
    names = {*special.in_vocabulary(vocabulary), *(token.content for token in added if token.special)}
    return [token in names for token in vocabulary]


def unused_tokens(vocabulary: Vocabulary, added: Iterable[AddedToken]) -> list[str]:
    """Returns the tokens that a vocabulary keeps free for new uses, without those that texts can spell.

    >>> unused_tokens(Vocabulary(["[PAD]", "[unused0]", "[unused1]"]), [AddedToken("[unused1]")])
    ['[unused0]']
    """
    taken = {token.content for token in added}
    return [token for token in vocabulary if _UNUSED.fullmatch(token) and token not in taken]
