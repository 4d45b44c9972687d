"""Writes a WordPiece vocabulary from text files of any size, English, Chinese or any other:

tfbert train-vocab --input='corpus/*.txt.gz' --size=30522 --out=vocab.txt
tfbert train-vocab --input='zh/*.jsonl' --size=21128 --nolower_case --out=runs/zh_tokenizer
"""

import glob
import os
import pathlib

import tqdm
from absl import flags

from tfbert.data.readers.lines import text_blocks
from tfbert.errors import ConfigError, DataError
from tfbert.files import replace_file

_INPUT = flags.DEFINE_list(
    "input", None, "Text or JSON lines, .gz or not; * and ** stand for any names.", required=True
)
_SIZE = flags.DEFINE_integer("size", 30522, "Tokens.", 1)
_OUT = flags.DEFINE_string(
    "out",
    None,
    "A file name that ends in .txt, or a folder, which gets the tokenizer's settings as well.",
    required=True,
)
_TEXT_FIELD = flags.DEFINE_string("text_field", "text", "The text's key in JSON objects.")
_LOWER_CASE = flags.DEFINE_bool("lower_case", True, "Lower-case the text and strip accents.")
_STRIP_ACCENTS = flags.DEFINE_bool("strip_accents", None, "Strip accents; as --lower_case unless given.")
_MIN_FREQUENCY = flags.DEFINE_integer("min_frequency", 2, "How often a pair of pieces must occur to become a token.", 1)


def main(argv: list[str]) -> None:
    files = _files(_INPUT.value)

    from tfbert.text import Tokenizer
    from tfbert.text.algorithms.train_vocabulary import train_vocabulary

    rules = {"lower_case": _LOWER_CASE.value, "strip_accents": _STRIP_ACCENTS.value}
    passes = iter(("characters", "words"))

    def blocks():
        with tqdm.tqdm(unit=" characters", unit_scale=True, desc=next(passes), dynamic_ncols=True) as bar:
            for file in files:
                for block in _texts(file):
                    bar.update(len(block))
                    yield block

    vocabulary = train_vocabulary(blocks, _SIZE.value, min_frequency=_MIN_FREQUENCY.value, **rules)
    out = pathlib.Path(_OUT.value)
    if out.suffix == ".txt":
        with replace_file(out) as file:
            file.writelines(f"{token}\n" for token in vocabulary)
    else:
        Tokenizer(vocabulary, **rules).save(out)
    more = "" if len(vocabulary) == _SIZE.value else f" ({_SIZE.value} asked; no other pair occurs often enough)"
    print(f"{len(vocabulary)} tokens from {len(files)} files are in {out}{more}")


def _texts(file):
    """The text of a file in blocks; of JSON lines that of the objects, as `make-examples` reads it."""
    from tfbert.data.pretraining.examples.plan import Piece
    from tfbert.data.pretraining.examples.reading import TEXT_BYTES, DocumentReader, is_json

    if not is_json(file):
        yield from text_blocks(file)
        return
    documents = DocumentReader("jsonl", text_field=_TEXT_FIELD.value, limit=TEXT_BYTES)
    for texts in documents(Piece(file, os.path.getsize(file))):
        yield from (text.decode() for text in texts)


def _files(patterns):
    if not all(patterns) or not patterns:
        raise ConfigError("--input names no file")
    files = []
    for pattern in patterns:
        found = [pattern] if pathlib.Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))
        if not found:
            raise DataError(f"--input: there is no file {pattern}")
        files += [name for name in found if name == pattern or pathlib.Path(name).is_file()]
    return list(dict.fromkeys(files))
