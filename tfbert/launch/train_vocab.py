"""Writes a vocabulary from text files of any size and language: WordPiece, byte-level BPE, or SentencePiece's Unigram.

tfbert train-vocab --input='corpus/*.txt.gz' --size=30522 --out=vocab.txt
tfbert train-vocab --input='zh/*.jsonl' --size=21128 --nolower_case --out=runs/zh_tokenizer
tfbert train-vocab --input='corpus/*.txt.gz' --algorithm=bpe --size=50265 --out=runs/bpe_tokenizer
tfbert train-vocab --input='corpus/*.txt.gz' --algorithm=unigram --size=32000 --out=runs/unigram_tokenizer
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
_ALGORITHM = flags.DEFINE_enum(
    "algorithm", "wordpiece", ["wordpiece", "bpe", "unigram"], "Of the tokenizer; bpe is of bytes."
)
_SIZE = flags.DEFINE_integer("size", 30522, "Tokens.", 1)
_OUT = flags.DEFINE_string(
    "out",
    None,
    "A folder, which gets the tokenizer's settings as well; of wordpiece, or a file name that ends in .txt.",
    required=True,
)
_TEXT_FIELD = flags.DEFINE_string("text_field", "text", "The text's key in JSON objects.")
_LOWER_CASE = flags.DEFINE_bool("lower_case", True, "Lower-case the text and strip accents.")
_STRIP_ACCENTS = flags.DEFINE_bool("strip_accents", None, "Strip accents; as --lower_case unless given.")
_MIN_FREQUENCY = flags.DEFINE_integer("min_frequency", 2, "How often a pair of pieces must occur to become a token.", 1)


def main(argv: list[str]) -> None:
    files = _files(_INPUT.value)

    out, algorithm = pathlib.Path(_OUT.value), _ALGORITHM.value
    _check_flags(algorithm, out)
    passes = iter(("characters", "words") if algorithm == "wordpiece" else ("text",))

    def blocks():
        with tqdm.tqdm(unit=" characters", unit_scale=True, desc=next(passes), dynamic_ncols=True) as bar:
            for file in files:
                for block in _texts(file):
                    bar.update(len(block))
                    yield block

    size = _TRAINERS[algorithm](blocks, _SIZE.value, out)
    more = "" if size == _SIZE.value else f" ({_SIZE.value} asked; {_FEWER[algorithm]})"
    print(f"{size} tokens from {len(files)} files are in {out}{more}")


def _check_flags(algorithm, out):
    """Raises ConfigError: a flag that the algorithm does not have."""
    for name, flag in _UNUSED[algorithm].items():
        if flag.present:
            raise ConfigError(f"--{flag.name} does nothing with --algorithm={algorithm}, {name}: leave it out")
    if algorithm != "wordpiece" and out.suffix == ".txt":
        raise ConfigError(f"--out={out}: --algorithm={algorithm} writes several files; give a folder")


def _wordpiece(blocks, size, out):
    from tfbert.text import Tokenizer
    from tfbert.text.algorithms.train_vocabulary import train_vocabulary

    rules = {"lower_case": _LOWER_CASE.value, "strip_accents": _STRIP_ACCENTS.value}
    vocabulary = train_vocabulary(blocks, size, min_frequency=_MIN_FREQUENCY.value, **rules)
    if out.suffix == ".txt":
        with replace_file(out) as file:
            file.writelines(f"{token}\n" for token in vocabulary)
    else:
        Tokenizer(vocabulary, **rules).save(out)
    return len(vocabulary)


def _bpe(blocks, size, out):
    from tfbert.text import AddedToken, ByteBpeRules, Tokenizer
    from tfbert.text.algorithms.train_byte_bpe import train_byte_bpe
    from tfbert.text.special_tokens import ANGLE_TOKENS

    vocabulary = train_byte_bpe(blocks, size, min_frequency=_MIN_FREQUENCY.value)
    mask = AddedToken(ANGLE_TOKENS.mask, special=True, lstrip=True)
    Tokenizer(vocabulary, rules=ByteBpeRules(), added_tokens=[mask]).save(out)
    return len(vocabulary)


def _unigram(blocks, size, out):
    from tfbert.text import AddedToken, Tokenizer, UnigramRules, Vocabulary
    from tfbert.text.algorithms.unigram_training import train_unigram

    found = train_unigram(blocks, size, lower_case=_LOWER_CASE.value)
    rules, added = UnigramRules(found.model, found.rules), [AddedToken(**token) for token in found.added_tokens]
    Tokenizer(Vocabulary(found.tokens), rules=rules, added_tokens=added).save(out)
    return len(found.tokens)


_TRAINERS = {"wordpiece": _wordpiece, "bpe": _bpe, "unigram": _unigram}
_UNUSED = {  # why, and which flag
    "wordpiece": {},
    "bpe": {"which keeps texts as they are": _LOWER_CASE, "which keeps accents": _STRIP_ACCENTS},
    "unigram": {"which keeps accents": _STRIP_ACCENTS, "which begins with all frequent parts": _MIN_FREQUENCY},
}
_FEWER = {
    "wordpiece": "no other pair occurs often enough",
    "bpe": "no other pair occurs often enough",
    "unigram": "the text has no other parts",
}


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
