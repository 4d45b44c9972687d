"""A vocabulary: tokens and their ids."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Iterator

from tfbert.errors import VocabularyError

# Unicode's White_Space, which Hugging Face strips from a line; Python's strip() takes U+001C..U+001F too.
WHITE_SPACE = "\t\n\v\f\r \u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000"
WHITE_SPACE += "".join(map(chr, range(0x2000, 0x200B)))


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold a text: it has no half of a surrogate pair, as JSON can escape.

    >>> is_unicode("é"), is_unicode(chr(0xD800))
    (True, False)
    """
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def lines_of(path: pathlib.Path, what: str) -> list[str]:
    """Returns what stands between the line breaks of a UTF-8 file; messages call it `what`.

    Raises VocabularyError, naming the file, and the line that is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8").split("\n")
    except FileNotFoundError as error:
        raise VocabularyError(f"there is no {what} file {path}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise VocabularyError(f"{path}, line {line}: not UTF-8; save the {what} as UTF-8") from error
    except OSError as error:
        raise VocabularyError(f"cannot read the {what} {path}: {error.strerror or error}") from error


class Vocabulary:
    """The tokens of a vocabulary; a token's id is its place in the list, the last of several.

    Args:
        tokens: in the order of their ids.
        source: what messages call it, such as the file's name.
        merges: pairs of tokens that byte-pair encoding joins, in the order of their ranks.

    Raises VocabularyError if there are no tokens or one is no string.

    >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "film"])
    >>> len(vocabulary), vocabulary["film"], "book" in vocabulary
    (5, 4, False)
    """

    def __init__(
        self,
        tokens: Iterable[str],
        source: str | os.PathLike[str] = "the vocabulary",
        merges: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.tokens, self.source = list(tokens), str(source)
        self.merges = tuple((first, second) for first, second in merges)
        if not self.tokens:
            raise VocabularyError(f"{source} is empty; expected one token a line")
        for number, token in enumerate(self.tokens):
            if not isinstance(token, str):
                raise VocabularyError(f"{source}: token {number} is {token!r}, not a string")
            if not is_unicode(token):  # JSON can escape half of a surrogate pair
                raise VocabularyError(f"{source}: token {number}, {token!a:.80}, has half of a surrogate pair")
        self._ids = {token: number for number, token in enumerate(self.tokens)}

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Reads a vocab.txt: UTF-8, one token a line; ids are line numbers, as Hugging Face reads it.

        The right end of a line is stripped. Raises VocabularyError, naming the file.
        """
        path = pathlib.Path(path)
        lines = lines_of(path, "vocabulary")
        if not lines[-1]:
            lines.pop()
        return cls([line.rstrip(WHITE_SPACE) for line in lines], source=path)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, token: str) -> int:
        return self._ids[token]

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"
