"""The tokens that texts spell out and BERT's rules leave whole."""

import dataclasses

from tfbert.errors import ConfigError, VocabularyError


@dataclasses.dataclass(frozen=True)
class SpecialTokens:
    """The names that a vocabulary gives to BERT's own tokens. It must have all but `mask`.

    >>> SpecialTokens(unknown="<unk>").unknown
    '<unk>'
    """

    unknown: str = "[UNK]"
    start: str = "[CLS]"
    separator: str = "[SEP]"
    padding: str = "[PAD]"
    mask: str = "[MASK]"

    def check(self, vocabulary):
        """Raises a VocabularyError that names what the vocabulary lacks."""
        names = (self.unknown, self.start, self.separator, self.padding)
        missing = [name for name in names if name not in vocabulary]
        if missing:
            raise VocabularyError(
                f"{vocabulary.source} lacks {', '.join(missing)}; a BERT vocabulary has {', '.join(names)}"
            )

    def in_vocabulary(self, vocabulary):
        """The names that the vocabulary has: all, or all but the mask."""
        return [name for name in dataclasses.astuple(self) if name in vocabulary]


BERT_TOKENS = SpecialTokens()


@dataclasses.dataclass(frozen=True)
class AddedToken:
    """A token of the vocabulary that is whole wherever a text spells it, inside a word too.

    Args:
        content: the token, as it stands in the vocabulary.
        normalized: find it in the normalized text, where it is normalized as well, rather than in the text itself.
        special: leave it out of detokenized text.

    As Hugging Face's AddedToken; its `lstrip` and `rstrip` change no ids, for BERT drops spaces anyway.

    >>> AddedToken("<e1>")
    AddedToken(content='<e1>', normalized=False, special=False)
    """

    content: str
    normalized: bool = False
    special: bool = False

    def __post_init__(self):
        if not isinstance(self.content, str) or not self.content:
            raise VocabularyError(f"an added token is a text, not {self.content!r}")


def check_added(tokens, vocabulary):
    """Returns the AddedTokens as a tuple, once each. Raises ConfigError or VocabularyError."""
    for token in tokens:
        if not isinstance(token, AddedToken):
            raise ConfigError(f"added_tokens holds {token!r}; expected tfbert.text.AddedToken")
        if token.content not in vocabulary:
            raise VocabularyError(f"{vocabulary.source} lacks the added token {token.content!r}")
    return tuple(dict.fromkeys(tokens))
