"""Reading vocabularies as Hugging Face does, and refusing broken ones."""

import pytest
from tokenizers.models import WordPiece

from tfbert.errors import VocabularyError
from tfbert.text import Tokenizer, Vocabulary

SPECIAL = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n"


@pytest.mark.parametrize(
    "data",
    [
        SPECIAL + b"the\nfilm\n",
        SPECIAL + b"the\nfilm",
        SPECIAL.replace(b"\n", b"\r\n") + b"the\r\n",
        SPECIAL + b"\n\nthe\n\n",
        SPECIAL + b"the\nfilm\nthe\n[CLS]\n",
        SPECIAL + "the \t\n lead\nnbsp\u00a0\n\u3000\n\u2028\nnel\u0085x\nfs\x1c\nzwsp\u200b\n".encode(),
        SPECIAL + "line\u2028separator\nvt\x0bx\n".encode(),
    ],
)
def test_ids_equal_hugging_face(tmp_path, data):
    path = tmp_path / "vocab.txt"
    path.write_bytes(data)
    vocabulary = Vocabulary.from_file(path)
    expected = WordPiece.read_file(str(path))
    assert {token: vocabulary[token] for token in vocabulary} == expected
    assert len(vocabulary) == len(data.removesuffix(b"\n").split(b"\n"))


def test_real_files_equal_hugging_face(data_dir):
    for path in sorted(data_dir("vocab").glob("*/vocab.txt")):
        vocabulary = Vocabulary.from_file(path)
        assert {token: vocabulary[token] for token in vocabulary} == WordPiece.read_file(str(path))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"the\nfilm\n", r"lacks \[UNK\], \[CLS\], \[SEP\], \[PAD\]"),
        (b"[PAD]\n[UNK]\n[CLS]\n", r"lacks \[SEP\];"),
        (SPECIAL + b"caf\xe9\n", "line 5: not UTF-8"),
        (SPECIAL.decode().encode("utf-16"), "not UTF-8"),
    ],
)
def test_broken_files(tmp_path, data, message):
    path = tmp_path / "vocab.txt"
    path.write_bytes(data)
    with pytest.raises(VocabularyError, match=message) as error:
        Tokenizer.from_file(path)
    assert str(path) in str(error.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(VocabularyError, match="no vocabulary file"):
        Vocabulary.from_file(tmp_path / "vocab.txt")
    with pytest.raises(VocabularyError, match="cannot read"):
        Vocabulary.from_file(tmp_path)


def test_from_a_list():
    vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the"])
    assert (len(vocabulary), vocabulary["the"], vocabulary.tokens[4]) == (5, 4, "the")
    assert "the" in vocabulary
    assert "film" not in vocabulary
    with pytest.raises(KeyError):
        vocabulary["film"]
    with pytest.raises(VocabularyError, match="token 4 is 7"):
        Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", 7])
    with pytest.raises(VocabularyError, match="is empty"):
        Vocabulary([])
