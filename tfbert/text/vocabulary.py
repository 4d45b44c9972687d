"""A WordPiece vocabulary: tokens and their ids."""

import pathlib

from tfbert.errors import VocabularyError

REQUIRED_TOKENS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]")

# Unicode's White_Space, which Hugging Face strips from a line; Python's strip() takes U+001C..U+001F too.
_WHITE_SPACE = "\t\n\v\f\r \u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000"
_WHITE_SPACE += "".join(map(chr, range(0x2000, 0x200B)))


class Vocabulary:
    """The tokens of a WordPiece vocabulary; a token's id is its place in the list, the last of several.

    Raises VocabularyError if a token is no string or [UNK], [CLS], [SEP] or [PAD] is missing.

    >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "film"])
    >>> len(vocabulary), vocabulary["film"], "book" in vocabulary
    (5, 4, False)
    """

    def __init__(self, tokens):
        self.tokens = list(tokens)
        _check(self.tokens, "the vocabulary")
        self._ids = {token: number for number, token in enumerate(self.tokens)}

    @classmethod
    def from_file(cls, path):
        """Reads a vocab.txt: UTF-8, one token a line; ids are line numbers, as Hugging Face reads it.

        The right end of a line is stripped. Raises VocabularyError, naming the file.
        """
        path = pathlib.Path(path)
        try:
            lines = path.read_bytes().decode("utf-8").split("\n")
        except FileNotFoundError as error:
            raise VocabularyError(f"there is no vocabulary file {path}") from error
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise VocabularyError(f"{path}, line {line}: not UTF-8; save the vocabulary as UTF-8") from error
        except OSError as error:
            raise VocabularyError(f"cannot read the vocabulary {path}: {error.strerror or error}") from error
        if not lines[-1]:
            lines.pop()
        tokens = [line.rstrip(_WHITE_SPACE) for line in lines]
        _check(tokens, path)
        return cls(tokens)

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, token):
        return self._ids[token]

    def __contains__(self, token):
        return token in self._ids

    def __iter__(self):
        return iter(self.tokens)

    def __repr__(self):
        return f"Vocabulary({len(self)} tokens)"


def _check(tokens, where):
    if not tokens:
        raise VocabularyError(f"{where} is empty; expected one token a line")
    for number, token in enumerate(tokens):
        if not isinstance(token, str):
            raise VocabularyError(f"{where}: token {number} is {token!r}, not a string")
    missing = sorted(set(REQUIRED_TOKENS) - set(tokens), key=REQUIRED_TOKENS.index)
    if missing:
        raise VocabularyError(f"{where} lacks {', '.join(missing)}; a BERT vocabulary has {', '.join(REQUIRED_TOKENS)}")
